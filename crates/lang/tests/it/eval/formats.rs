//! Formats of numbers, dates and items as data: nothing panics, texts are bounded, numbers read back.

use tollgate_lang::fuzz;

/// What formats are made of, and what they are not.
const PIECES: [&str; 44] = [
    "0",
    "#",
    ".",
    ",",
    "%",
    "\u{2030}",
    "E+0",
    "e-00",
    "E0",
    "\u{0}",
    "'",
    "\"",
    "\\",
    ";",
    "{",
    "}",
    "{0",
    "{1,9:",
    "{2:X",
    "{4,-12}",
    ":",
    "-",
    "+",
    "$",
    "(",
    ")",
    "C",
    "D9",
    "E3",
    "F20",
    "G",
    "N2",
    "P",
    "R",
    "X8",
    " ",
    "1",
    "e5",
    "yyyy",
    "HH:mm",
    "fff",
    "K",
    "\u{e9}",
    "\u{1f600}",
];

#[test]
fn any_format_is_survived() {
    arbtest::arbtest(|u| {
        let mut data: Vec<u8> = u.bytes(9)?.to_vec();
        // Not only huge and tiny numbers.
        if u.ratio(1, 2)? {
            data[1..7].fill(0);
        }
        for _ in 0..u.int_in_range(0..=16)? {
            data.extend_from_slice(u.choose(&PIECES)?.as_bytes());
        }
        fuzz::format(&data);
        Ok(())
    });
}

/// What fuzzing has found: Rust's own precision and width end at 65,535.
#[test]
fn long_precisions_are_survived() {
    for format in [
        "N90000", "F90000", "E90000", "G90000", "P65535", "C90000", "D90000", "X90000", "x90000",
    ] {
        let data = [b"\x55\x84\xa3\xff\x26\x79\xe0\xa0\x31", format.as_bytes()].concat();
        fuzz::format(&data);
    }
    fuzz::format(format!("123456789E+{}", "0".repeat(70_000)).as_bytes());
}

#[test]
fn any_bytes_as_a_format_are_survived() {
    arbtest::arbtest(|u| {
        let n = u.int_in_range(0..=64)?;
        fuzz::format(u.bytes(n)?);
        Ok(())
    });
}

#[test]
fn long_formats_take_linear_time() {
    for piece in [
        "0",
        "#,",
        "%",
        "\u{2030}0",
        "'",
        "{0}",
        "0;",
        "{0,9}",
        ",",
        "E+0",
    ] {
        let mut data = vec![7; 9];
        for _ in 0..20_000 {
            data.extend_from_slice(piece.as_bytes());
        }
        fuzz::format(&data);
    }
}
