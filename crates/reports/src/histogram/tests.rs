//! Percentiles against sorted lists.

use super::*;

#[test]
fn buckets_follow_each_other() {
    for value in (0..100_000).chain([u32::MAX - 1, u32::MAX]) {
        let at = bucket(value);
        assert!(upper(at) >= u64::from(value), "{value}");
        assert!(at == 0 || upper(at - 1) < u64::from(value), "{value}");
    }
    assert_eq!(bucket(u32::MAX), 463);
}

#[test]
fn percentiles_are_within_a_sixteenth() {
    arbtest::arbtest(|u| {
        let mut values: Vec<u32> = u.arbitrary()?;
        let percent = u.int_in_range(0..=100)?;
        let at: usize = u.arbitrary::<u8>()?.into();
        let at = at.min(values.len());
        let (mut one, mut two) = (Histogram::default(), Histogram::default());
        values[..at].iter().for_each(|v| one.record(*v));
        values[at..].iter().for_each(|v| two.record(*v));
        one.merge(&two);
        let mut whole = Histogram::default();
        values.iter().for_each(|v| whole.record(*v));
        assert_eq!(one, whole);
        values.sort_unstable();
        if values.is_empty() {
            assert_eq!(whole.percentile(percent), None);
            return Ok(());
        }
        let rank = (values.len() * usize::from(percent)).div_ceil(100).max(1);
        let truth = u64::from(values[rank - 1]);
        let told = u64::from(whole.percentile(percent).unwrap());
        assert!(
            told >= truth && told <= truth + truth / 16,
            "{told} for {truth}"
        );
        Ok(())
    });
}
