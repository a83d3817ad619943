//! Tests of `eventstream`: frames under any cut, and streams that are none.
use super::*;
use crate::sse::tests::cuts;
use arbtest::arbtest;

/// A frame as Bedrock sends them.
pub(crate) fn frame(kind: &str, payload: &[u8]) -> Vec<u8> {
    super::frame(&[(":event-type", kind)], payload).unwrap()
}

fn read(stream: &[u8], cuts: &[usize]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut splitter = Splitter::default();
    let mut frames = Vec::new();
    let mut from = 0;
    for end in cuts.iter().copied().chain([stream.len()]) {
        splitter.look(&stream[from..end], |frame| {
            frames.push((
                frame.header(":event-type").unwrap_or_default().to_vec(),
                frame.payload.to_vec(),
            ));
        });
        from = end;
        assert!(splitter.pending.len() <= LIMIT);
    }
    frames
}

#[test]
fn frames_under_any_cut() {
    let stream = [
        frame("messageStart", b"{}"),
        frame("big", &vec![b'x'; LIMIT]),
        frame("metadata", br#"{"usage":{}}"#),
    ]
    .concat();
    let whole = read(&stream, &[]);
    let kinds: Vec<_> = whole.iter().map(|(kind, _)| &kind[..]).collect();
    assert_eq!(kinds, [&b"messageStart"[..], b"metadata"]);
    arbtest(|u| {
        let cuts = cuts(u, stream.len())?;
        assert_eq!(read(&stream, &cuts), whole);
        Ok(())
    });
}

#[test]
fn no_bytes_panic() {
    arbtest(|u| {
        let mut bytes: Vec<u8> = u.arbitrary()?;
        // Else nearly all lengths are above the limit.
        for at in [0, 1, 4, 5] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = 0;
            }
        }
        let cuts = cuts(u, bytes.len())?;
        assert_eq!(read(&bytes, &cuts), read(&bytes, &[]));
        Ok(())
    });
}

#[test]
fn what_is_no_event_stream_is_passed_over() {
    assert_eq!(read(b"{\"message\":\"denied\"}", &[3]), []);
    assert_eq!(read(&[0; 64], &[]), []);
}

#[test]
fn headers_of_every_kind() {
    let mut headers = Vec::new();
    for (kind, size) in [
        (0, 0),
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 4),
        (5, 8),
        (8, 8),
        (9, 16),
    ] {
        headers.extend_from_slice(&[1, b'a', kind]);
        headers.extend(vec![0; size]);
    }
    headers.extend_from_slice(b"\x01b\x06\x00\x02xy\x01c\x07\x00\x03yes");
    let frame = Frame {
        raw: b"",
        headers: &headers,
        payload: b"",
    };
    assert_eq!(frame.header("c"), Some(&b"yes"[..]));
    assert_eq!(frame.header("b"), None);
    let cut = Frame {
        headers: &headers[..headers.len() - 1],
        ..frame
    };
    assert_eq!(cut.header("c"), None);
}

/// The first frame of a public test vector of the AWS SDKs: no headers, no payload.
#[test]
fn frames_have_their_checksums() {
    let empty = [
        0, 0, 0, 16, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
    ];
    assert_eq!(super::frame(&[], b"").unwrap(), empty);
    assert!(super::frame(&[(&"n".repeat(256), "")], b"").is_none());
}

#[test]
fn what_cannot_be_read_is_still_given() {
    let stream = [
        frame("messageStart", b"{}"),
        frame("big", &vec![b'x'; LIMIT]),
        frame("metadata", b"{}"),
        vec![0; 20],
        b"whatever".to_vec(),
    ]
    .concat();
    arbtest(|u| {
        let cuts = cuts(u, stream.len())?;
        let (mut splitter, mut given, mut frames) = (Splitter::default(), Vec::new(), 0);
        let mut from = 0;
        for end in cuts.iter().copied().chain([stream.len()]) {
            splitter.split(&stream[from..end], |piece| match piece {
                Piece::Frame(frame) => {
                    frames += 1;
                    given.extend_from_slice(frame.raw);
                }
                Piece::Rest(bytes) => given.extend_from_slice(bytes),
            });
            from = end;
        }
        given.extend(splitter.finish());
        assert_eq!((given == stream, frames), (true, 2));
        Ok(())
    });
}
