use super::*;
use arbtest::arbitrary::Unstructured;
use std::task::Waker;

/// Chunks that come one by one.
struct Chunks(VecDeque<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|c| Ok(http_body::Frame::data(c))))
    }
}

fn body(stream: &[u8], cuts: &[usize]) -> Body {
    let mut chunks = VecDeque::new();
    let mut rest = Bytes::copy_from_slice(stream);
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let length = cuts
            .next()
            .map_or(rest.len(), |c| c % 17 + 1)
            .min(rest.len());
        chunks.push_back(rest.split_to(length));
    }
    Body::Stream(Box::pin(Chunks(chunks)))
}

fn read(mut body: Body) -> Result<Vec<u8>, BodyError> {
    let mut cx = Context::from_waker(Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
        if let Ok(data) = frame?.into_data() {
            all.extend_from_slice(&data);
        }
    }
    Ok(all)
}

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
fn a_stream_whose_events_stay_is_the_same_stream() {
    arbtest::arbtest(|u| {
        let stream = stream(u)?;
        let cuts: Vec<usize> = u.arbitrary()?;
        let passed = rewriting(body(&stream, &cuts), 1 << 20, |event: Event| Ok(event.raw));
        assert_eq!(read(passed).unwrap(), stream);
        // What was read of a reader and what was not are the stream too.
        let mut reader = Reader::new(body(&stream, &cuts), 1 << 20);
        let mut cx = Context::from_waker(Waker::noop());
        let mut head = Vec::new();
        for _ in 0..u.int_in_range(0..=3)? {
            if let Poll::Ready(Some(Ok(event))) = reader.poll_next(&mut cx) {
                head.extend_from_slice(&event.raw);
            }
        }
        assert_eq!(read(reader.rest(&head)).unwrap(), stream);
        Ok(())
    });
}

#[test]
fn what_comes_before_the_answer_and_the_answer_are_the_stream() {
    arbtest::arbtest(|u| {
        let stream = stream(u)?;
        let cuts: Vec<usize> = u.arbitrary()?;
        let later = Later::default();
        let early = Early {
            id: Box::from("1"),
            before: Bytes::new(),
            reader: Some(Reader::new(body(&stream, &cuts), 1 << 20)),
            later: later.clone(),
            limit: 1 << 20,
        };
        let mut all = read(Body::Stream(Box::pin(early))).unwrap();
        let found = later.0.borrow_mut().take();
        assert_eq!(found.is_none(), all.len() == stream.len());
        if let Some((event, message, reader)) = found {
            assert!(is_answer(&message, Id::from_json("1").unwrap()));
            all.extend(read(reader.rest(&rewritten(&event, &message, &message.clone()))).unwrap());
        }
        assert_eq!(all, stream);
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
