//! The entry point with random pieces of what it reads.

use arbtest::arbtest;

#[test]
fn any_head_is_read() {
    const PIECES: &[&str] = &[
        "/",
        ".",
        "..",
        "%2e",
        "%2F",
        "\\",
        "%5C",
        "a",
        "%",
        "\n",
        "\n",
        "connection: ",
        "x-a",
        "x-b",
        ", ",
        ": 1",
        "close",
        "\nx-forwarded-for: ",
        "1.2.3.4",
        "[::1]",
        "127.0.0.1",
        ":80",
        "\ntraceparent: ",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "-",
        "cc",
        "\ntracestate: a=1",
        "é",
    ];
    arbtest(|u| {
        let mut data = Vec::new();
        for _ in 0..u.int_in_range(0..=16)? {
            if u.ratio(1, 12)? {
                data.push(u.arbitrary()?);
            } else {
                data.extend_from_slice(u.choose(PIECES)?.as_bytes());
            }
        }
        super::head(&data);
        Ok(())
    });
}
