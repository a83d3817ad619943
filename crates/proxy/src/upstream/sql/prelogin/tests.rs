//! `PRELOGIN` by itself.

use super::*;

#[test]
fn an_answer_is_read_and_broken_ones_are_refused() {
    // Version and encryption, as SQL Server orders them.
    let answer = |encryption: u8| {
        let mut answer = vec![0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff];
        answer.extend([16, 0, 1, 2, 0, 0, encryption]);
        answer
    };
    for (encryption, encrypted) in [(0, false), (1, true), (2, false), (3, true), (0x81, true)] {
        let read = greeting(answer(encryption)).unwrap();
        assert_eq!(read.encrypted, encrypted, "{encryption}");
        assert_eq!(read.packet.last(), Some(&NOT_SUPPORTED));
        assert_eq!(read.packet.len(), HEADER + 18);
        assert_eq!(read.packet[2..4], [0, 26]);
    }
    // No end, an option outside, no encryption.
    assert_eq!(greeting(vec![]), None);
    assert_eq!(greeting(vec![0, 0, 11, 0]), None);
    assert_eq!(greeting(vec![1, 0xff, 0xff, 0, 1, 0xff]), None);
    assert_eq!(greeting(vec![0xff]), None);
}

#[test]
fn a_message_says_where_its_options_are() {
    let packet = message(ON | CLIENT_CERTIFICATE, true);
    assert_eq!(packet[..4], [0x12, 1, 0, packet.len() as u8]);
    let options = &packet[HEADER..];
    let mut at = 0;
    let mut found = Vec::new();
    while options[at] != 0xff {
        let place = usize::from(u16::from_be_bytes([options[at + 1], options[at + 2]]));
        let length = usize::from(u16::from_be_bytes([options[at + 3], options[at + 4]]));
        found.push((options[at], options[place..place + length].to_vec()));
        at += 5;
    }
    assert_eq!(found[1], (1, vec![0x81]));
    assert_eq!(found.last(), Some(&(6, vec![1])));
}
