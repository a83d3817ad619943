//! Members that a campaign leaves out, with the reason.

/// Members, `Type.Member` or `Type.*`, that give something else at each run or would only repeat what another tests.
const EXCLUDED: &[(&str, &str)] = &[
    (
        "IObjectDictionary.*",
        "another name in C#; golden cases have it",
    ),
    (
        "IObjectCollection.*",
        "another name in C#; golden cases have it",
    ),
    ("DateTime.Now", "the time"),
    ("DateTime.UtcNow", "the time"),
    ("DateTime.Today", "the time"),
    ("DateTimeOffset.Now", "the time"),
    ("DateTimeOffset.UtcNow", "the time"),
    ("Guid.NewGuid", "random"),
    ("RNGCryptoServiceProvider.*", "random"),
    ("RandomNumberGenerator.*", "random"),
    ("SymmetricAlgorithm.GenerateKey", "random"),
    ("SymmetricAlgorithm.GenerateIV", "random"),
    ("RSA.Create", "random"),
    ("RSA.Encrypt", "random padding"),
    ("SymmetricAlgorithm.Create", "a random key"),
    ("Aes.Create", "a random key"),
    ("HMAC.Create", "a random key"),
    ("KeyedHashAlgorithm.Create", "a random key"),
    ("Rijndael.Create", "a random key"),
    (
        "AesManaged.new",
        "a random key; the pool has one with a key",
    ),
    ("AesCryptoServiceProvider.new", "a random key"),
    ("AesCng.new", "a random key"),
    ("RijndaelManaged.new", "a random key"),
    ("AesGcm.*", "not on Mono's platform"),
    ("RSACng.new", "a random key"),
    ("RSACryptoServiceProvider.new", "a random key"),
    ("String.IsInterned", "an implementation's"),
    ("Array.Resize", "takes a variable by reference"),
    ("IContext.Elapsed", "the time"),
    ("IContext.Trace", "no value"),
    ("X509Certificate2.Verify", "the machine's trust"),
    (
        "CryptographyExtensions.VerifyNoRevocation",
        "the machine's trust",
    ),
    (
        "Random.new",
        "without a seed it is random; the pool has one with a seed",
    ),
    ("Exception.StackTrace", "an implementation's"),
    ("Exception.ToString", "holds the stack"),
    ("Exception.Source", "an implementation's"),
    ("Exception.TargetSite", "an implementation's"),
    ("Exception.HResult", "an implementation's"),
    ("TimeZoneInfo.Local", "the machine's"),
    ("TimeZoneInfo.GetSystemTimeZones", "the machine's"),
    ("TimeZone.CurrentTimeZone", "the machine's"),
];

/// Why a member is left out.
pub(crate) fn reason(label: &str, signature: &str) -> Option<&'static str> {
    if label.starts_with("HMAC") && signature.ends_with("()") && signature.starts_with("new ") {
        return Some("a random key");
    }
    if label.ends_with(".GetHashCode") {
        return Some("hash codes are an implementation's");
    }
    EXCLUDED
        .iter()
        .find(|(name, _)| match name.strip_suffix('*') {
            Some(of) => label.starts_with(of),
            None => *name == label,
        })
        .map(|(_, why)| *why)
}
