use super::*;
use arbtest::arbitrary::Unstructured;

/// Streams of pieces that events are made of.
fn stream(u: &mut Unstructured<'_>) -> arbtest::arbitrary::Result<Vec<u8>> {
    const PIECES: [&str; 12] = [
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}",
        "data: {\"jsonrpc\":\"2.0\",\"method\":\"n\"}",
        "id: 7",
        "retry: 1",
        "event: message",
        ": ping",
        "data:",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\u{feff}",
    ];
    let mut stream = Vec::new();
    for _ in 0..u.int_in_range(0..=20)? {
        stream.extend_from_slice(u.choose(&PIECES)?.as_bytes());
    }
    Ok(stream)
}

#[test]
fn nothing_of_a_stream_is_lost() {
    arbtest::arbtest(|u| {
        let lengths: Vec<u8> = u.arbitrary()?;
        let lengths: Vec<u8> = lengths.iter().map(|l| l % 17).collect();
        passes_events(&stream(u)?, &lengths);
        Ok(())
    });
}

#[test]
fn what_was_read_and_what_was_not_are_the_stream() {
    arbtest::arbtest(|u| {
        let stream = stream(u)?;
        let cut = u.int_in_range(0..=stream.len())?;
        let chunks = [&stream[..cut], &stream[cut..]].map(Bytes::copy_from_slice);
        let body = Body::Stream(Box::pin(Chunks(VecDeque::from(chunks))));
        let mut reader = Reader::new(body, 1 << 20);
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut head = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            if let Poll::Ready(Some(Ok(event))) = reader.poll_next(&mut cx) {
                head.extend_from_slice(&event.raw);
            }
        }
        assert_eq!(read_now(reader.rest(&head)), stream);
        Ok(())
    });
}

#[test]
fn an_answer_is_known_by_its_id() {
    let answers =
        |message: &str, id: &str| is_answer(message.as_bytes(), Id::from_json(id).unwrap());
    let answer = r#"{"jsonrpc":"2.0","id":"a\u0062","result":{}}"#;
    assert!(answers(answer, r#""ab""#) && !answers(answer, r#""abc""#));
    assert!(answers(r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, "1"));
    assert!(!answers(r#"{"jsonrpc":"2.0","id":"1","result":{}}"#, "1"));
    // A request of the server may have the same id.
    assert!(!answers(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "1"));
}
