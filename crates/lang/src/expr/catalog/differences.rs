//! Where expressions differ from API Management's on purpose or for now: the list that the reference prints.

/// A difference.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// What differs.
    pub subject: &'static str,
    /// How.
    pub text: &'static str,
}

const fn d(subject: &'static str, text: &'static str) -> Difference {
    Difference { subject, text }
}

/// All of them, in the order of the reference.
pub const DIFFERENCES: &[Difference] = &[
    d(
        "Allowed members",
        "More is allowed than API Management's list has: what is marked below works here and is refused there. `tollgate check --portable` names each use.",
    ),
    d(
        "Faults at load",
        "An unknown member, a wrong type, a bad constant pattern is a fault of the document. API Management finds some of them when the document is saved and others when a call arrives.",
    ),
    d(
        "Newer syntax",
        "Some syntax that came after C# 7 is taken where it changes nothing else, such as `??=`, `is not`, `new()` and indices from the end.",
    ),
    d(
        "Constraints",
        "Constraints of type parameters (`where T : XNode`) are not checked: what C# refuses is taken, and throws or is empty when it runs.",
    ),
    d(
        "Bounds",
        "Steps, memory, depth and the work of one regular expression are bounded (see [bounds](#bounds)); a bound cannot be caught. API Management ends expressions by time.",
    ),
    d(
        "Versions",
        "The library is that of a current .NET with Json.NET 13: numbers print as many digits as they need, messages of exceptions are the current ones.",
    ),
    d(
        "Hash codes, random numbers",
        "`GetHashCode()` gives numbers of our own; `Random` with a seed gives .NET's, without one others.",
    ),
    d(
        "Time zones",
        "The local zone is UTC. Names of Windows and of the IANA database are both known; display names are of our own.",
    ),
    d(
        "Culture, dates",
        "The invariant culture is the only one; another name throws `CultureNotFoundException`. A year of two digits is one up to 2049, as on Windows today.",
    ),
    d(
        "Certificates",
        "Read from DER, PEM and PKCS #12 (AES or triple DES, not RC2). `context.Request.Certificate` is null unless the listener asks for one (`negotiateClientCertificate`). `Verify()` and `VerifyNoRevocation()` say no, for nothing is trusted yet.",
    ),
    d(
        "Header names",
        "Enumerating headers gives their names in lower case.",
    ),
    d(
        "Bodies",
        "A message without a body has `Body == null`. Reading a body again without `preserveContent: true` throws `InvalidOperationException`.",
    ),
    d(
        "XML",
        "Entities other than XML's own five are errors, and nothing outside the text is read; `XmlDocument` is there for reading only.",
    ),
];
