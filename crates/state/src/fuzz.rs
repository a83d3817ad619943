//! Entry point for fuzzing: any bytes go in as a ledger's file, and what must hold for every input is asserted.
//!
//! `fuzz/` calls it with coverage guidance, the property test at the end with random data.

use crate::ledger::frame::{Frames, append};
use crate::ledger::{EndReason, Intent, Record, Settlement};

/// Reads bytes as the frames of a segment, with good records before and behind them.
///
/// # Panics
/// When a good record is not found, or when a record that was written is read as another one.
pub fn ledger(data: &[u8]) {
    let before = Record::Intent(Intent {
        estimate: 7,
        ..Intent::default()
    });
    let behind = Record::Settlement(Settlement {
        end: EndReason::Done,
        settled_ms: 9,
        ..Settlement::default()
    });
    let mut file = Vec::new();
    assert!(append(&mut file, |out| before.encode(out, 1)));
    file.extend_from_slice(data);
    assert!(append(&mut file, |out| behind.encode(out, 2)));
    let length = file.len() as u64;
    let mut frames = Frames::new(file.as_slice());
    let (mut first, mut last, mut read) = (None, None, 0);
    while let Some(payload) = frames.payload().expect("memory is read without an error") {
        read += payload.len() as u64 + 8;
        let Some(decoded) = Record::decode(payload) else {
            continue;
        };
        if let Some(record) = decoded.record {
            // What is too long is cut when it is written, once.
            let (mut again, mut thrice) = (Vec::new(), Vec::new());
            record.encode(&mut again, decoded.sequence);
            let same = Record::decode(&again).and_then(|decoded| decoded.record);
            same.expect("its kind is known")
                .encode(&mut thrice, decoded.sequence);
            assert_eq!(again, thrice);
            last = Some(record.into_owned());
            first = first.or_else(|| last.clone());
        }
    }
    assert_eq!((first, last), (Some(before), Some(behind)));
    assert_eq!(read + frames.skipped(), length);
}

#[cfg(test)]
mod tests {
    use arbtest::arbtest;

    #[test]
    fn any_bytes_are_a_file() {
        arbtest(|bytes| {
            super::ledger(bytes.arbitrary::<Vec<u8>>()?.as_slice());
            Ok(())
        });
    }

    #[test]
    fn parts_of_frames_are_a_file() {
        let mut frame = Vec::new();
        crate::ledger::frame::append(&mut frame, |out| out.extend_from_slice(&[2; 300]));
        for end in 0..=frame.len() {
            super::ledger(&frame[..end]);
            super::ledger(&frame[end..]);
        }
    }
}
