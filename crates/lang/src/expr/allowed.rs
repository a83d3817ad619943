//! The types and members that API Management allows in expressions: its published list, as data.
//!
//! Read by the table (each row knows whether it is on the list), from there by `tollgate check --portable` and the
//! reference of expressions. A type that is not here is not on the list at all. Operators and conversions go with their
//! type. What must stay true: names are those of the table, so a type of its own spelling there (`XmlExtensions`) stands
//! here under that spelling.

/// What of a type is on the list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Allowed {
    /// Every public member.
    All,
    /// These; `ctor` is a constructor, `Item` an indexer.
    Only(&'static [&'static str]),
}

use Allowed::{All, Only};

/// The list. The types of `context` come last.
const LIST: &[(&[&str], Allowed)] = &[
    (&["Formatting"], All),
    (
        &["JsonConvert"],
        Only(&["SerializeObject", "DeserializeObject"]),
    ),
    (
        &[
            "Extensions",
            "JArray",
            "JConstructor",
            "JContainer",
            "JObject",
            "JProperty",
            "JRaw",
            "JToken",
            "JTokenConversions",
            "JTokenType",
            "JValue",
        ],
        All,
    ),
    (
        &[
            "Array",
            "BitConverter",
            "Boolean",
            "Byte",
            "Char",
            "Convert",
        ],
        All,
    ),
    (
        &[
            "Dictionary",
            "HashSet",
            "ICollection",
            "IDictionary",
            "IEnumerable",
            "IEnumerator",
            "IList",
            "IReadOnlyCollection",
            "IReadOnlyDictionary",
            "IObjectCollection",
            "IObjectDictionary",
            "ISequence",
            "ISet",
            "KeyValuePair",
            "List",
            "Queue",
            "Stack",
        ],
        All,
    ),
    (
        &["DateTime"],
        Only(&[
            "ctor",
            "Add",
            "AddDays",
            "AddHours",
            "AddMilliseconds",
            "AddMinutes",
            "AddMonths",
            "AddSeconds",
            "AddTicks",
            "AddYears",
            "Date",
            "Day",
            "DayOfWeek",
            "DayOfYear",
            "DaysInMonth",
            "Hour",
            "IsDaylightSavingTime",
            "IsLeapYear",
            "MaxValue",
            "Millisecond",
            "Minute",
            "MinValue",
            "Month",
            "Now",
            "Parse",
            "Second",
            "Subtract",
            "Ticks",
            "TimeOfDay",
            "Today",
            "ToString",
            "UtcNow",
            "Year",
        ]),
    ),
    (&["DateTimeKind"], Only(&["Utc"])),
    (
        &[
            "DateTimeOffset",
            "Decimal",
            "Double",
            "Exception",
            "Guid",
            "Int16",
            "Int32",
            "Int64",
        ],
        All,
    ),
    (&["Enum"], Only(&["Parse", "TryParse", "ToString"])),
    (&["StringReader", "StringWriter"], All),
    (&["Enumerable"], All),
    (&["Math", "MidpointRounding"], All),
    (
        &["IPAddress"],
        Only(&[
            "AddressFamily",
            "Equals",
            "GetAddressBytes",
            "IsLoopback",
            "Parse",
            "TryParse",
            "ToString",
        ]),
    ),
    (
        &[
            "WebUtility",
            "Nullable",
            "Object",
            "Random",
            "SByte",
            "Single",
        ],
        All,
    ),
    (
        &[
            "AsymmetricAlgorithm",
            "CipherMode",
            "HashAlgorithm",
            "HashAlgorithmName",
            "HMAC",
            "HMACMD5",
            "HMACSHA1",
            "HMACSHA256",
            "HMACSHA384",
            "HMACSHA512",
            "KeyedHashAlgorithm",
            "MD5",
            "Oid",
            "PaddingMode",
            "RNGCryptoServiceProvider",
            "RSA",
            "RSAEncryptionPadding",
            "RSASignaturePadding",
            "SHA1",
            "SHA1Managed",
            "SHA256",
            "SHA256Managed",
            "SHA384",
            "SHA384Managed",
            "SHA512",
            "SHA512Managed",
            "SymmetricAlgorithm",
        ],
        All,
    ),
    (
        &[
            "PublicKey",
            "RSACertificateExtensions",
            "X509Certificate",
            "X509Certificate2",
            "X509ContentType",
            "X509NameType",
        ],
        All,
    ),
    (&["X500DistinguishedName"], Only(&["Name"])),
    (
        &[
            "String",
            "StringComparer",
            "StringComparison",
            "StringSplitOptions",
            "Encoding",
            "StringBuilder",
        ],
        All,
    ),
    (&["Capture"], Only(&["Index", "Length", "Value"])),
    (
        &["CaptureCollection", "GroupCollection"],
        Only(&["Count", "Item"]),
    ),
    (&["Group"], Only(&["Captures", "Success"])),
    (&["Match"], Only(&["Empty", "Groups", "Result"])),
    (
        &["Regex"],
        Only(&[
            "ctor", "IsMatch", "Match", "Matches", "Replace", "Unescape", "Split",
        ]),
    ),
    (&["RegexOptions"], All),
    (
        &[
            "TimeSpan",
            "TimeZone",
            "TimeZoneInfo",
            "AdjustmentRule",
            "TransitionTime",
            "Tuple",
            "UInt16",
            "UInt32",
            "UInt64",
        ],
        All,
    ),
    (&["Uri", "UriPartial"], All),
    (
        &[
            "XmlExtensions",
            "XAttribute",
            "XCData",
            "XComment",
            "XContainer",
            "XDeclaration",
            "XDocumentType",
            "XElement",
            "XName",
            "XNamespace",
            "XNode",
            "XNodeDocumentOrderComparer",
            "XNodeEqualityComparer",
            "XObject",
            "XProcessingInstruction",
            "XText",
            "XmlNodeType",
        ],
        All,
    ),
    (
        &["XDocument"],
        Only(&[
            "ctor",
            "Declaration",
            "DocumentType",
            "NodeType",
            "Root",
            "Parse",
            "Save",
            "ToString",
            "WriteTo",
        ]),
    ),
    // `context` and what it leads to.
    (
        &["IContext"],
        Only(&[
            "Api",
            "Deployment",
            "Elapsed",
            "GraphQL",
            "LastError",
            "Operation",
            "Product",
            "Request",
            "RequestId",
            "Response",
            "Subscription",
            "Timestamp",
            "Tracing",
            "Trace",
            "User",
            "Variables",
            "Workspace",
        ]),
    ),
    (
        &["IApi", "IContextApi"],
        Only(&[
            "Id",
            "Name",
            "Path",
            "Protocols",
            "ServiceUrl",
            "SubscriptionKeyParameterNames",
            "IsCurrentRevision",
            "Revision",
            "Version",
            "Workspace",
        ]),
    ),
    (
        &["ISubscriptionKeyParameterNames"],
        Only(&["Header", "Query"]),
    ),
    (
        &["IDeployment"],
        Only(&[
            "Gateway",
            "GatewayId",
            "Region",
            "ServiceId",
            "ServiceName",
            "Certificates",
            "SustainabilityInfo",
        ]),
    ),
    (&["IGateway"], Only(&["Id", "InstanceId", "IsManaged"])),
    (
        &["IOperation"],
        Only(&["Id", "Method", "Name", "UrlTemplate"]),
    ),
    (
        &["IProduct"],
        Only(&[
            "Apis",
            "ApprovalRequired",
            "Groups",
            "Id",
            "Name",
            "State",
            "SubscriptionLimit",
            "SubscriptionRequired",
            "Workspace",
        ]),
    ),
    (
        &["ISubscription"],
        Only(&[
            "CreatedDate",
            "CreatedTime",
            "EndDate",
            "Id",
            "Key",
            "Name",
            "PrimaryKey",
            "SecondaryKey",
            "StartDate",
        ]),
    ),
    (
        &["IUser"],
        Only(&[
            "Email",
            "FirstName",
            "LastName",
            "Id",
            "Note",
            "Groups",
            "Identities",
            "RegistrationDate",
        ]),
    ),
    (&["IGroup", "IWorkspace"], Only(&["Id", "Name"])),
    (&["IUserIdentity"], Only(&["Id", "Provider"])),
    (
        &["ILastError"],
        Only(&[
            "Source",
            "Reason",
            "Message",
            "Scope",
            "Section",
            "Path",
            "PolicyId",
            "HttpErrorCode",
        ]),
    ),
    (
        &["IRequest"],
        Only(&[
            "Body",
            "Certificate",
            "Headers",
            "IpAddress",
            "MatchedParameters",
            "Method",
            "OriginalUrl",
            "Url",
            "PrivateEndpointConnection",
            "AzureVnetInfo",
        ]),
    ),
    (
        &["IResponse", "ContextResponse"],
        Only(&["Body", "Headers", "StatusCode", "StatusReason"]),
    ),
    (
        &["IUrl"],
        Only(&[
            "Host",
            "Path",
            "Port",
            "Query",
            "QueryString",
            "Scheme",
            "ToString",
        ]),
    ),
    (
        &["IMessageBody", "RequestBody", "ResponseBody"],
        Only(&["As", "AsFormUrlEncodedContent"]),
    ),
    (
        &["DictionaryExtensions"],
        Only(&[
            "GetValueOrDefault",
            "ToQueryString",
            "ToFormUrlEncodedContent",
        ]),
    ),
    (
        &["StringExtensions"],
        Only(&["AsBasic", "TryParseBasic", "AsJwt", "TryParseJwt"]),
    ),
    (&["CertificateExtensions"], Only(&["VerifyNoRevocation"])),
    (&["CryptographyExtensions"], Only(&["Encrypt", "Decrypt"])),
    (
        &["BasicAuthCredentials"],
        Only(&["UserId", "Username", "Password"]),
    ),
    (
        &["Jwt"],
        Only(&[
            "Algorithm",
            "Audiences",
            "Claims",
            "ExpirationTime",
            "Id",
            "Issuer",
            "IssuedAt",
            "NotBefore",
            "Subject",
            "Type",
        ]),
    ),
    (&["Authorization"], Only(&["AccessToken", "Claims"])),
    (&["ProductState", "CarbonIntensity"], All),
    (&["GraphQL"], Only(&["Arguments", "Parent"])),
    (
        &["IPrivateEndpointConnection"],
        Only(&["Name", "GroupId", "MemberName"]),
    ),
    (
        &["IAzureVnetInfo"],
        Only(&["VnetTrafficTag", "SubnetId", "PrivateLinkId", "SnatVip"]),
    ),
    (&["ISustainabilityInfo"], Only(&["CurrentCarbonIntensity"])),
];

/// What of a type is on the list; `None` when the type is not.
pub(crate) fn of(name: &str) -> Option<Allowed> {
    LIST.iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, allowed)| *allowed)
}

/// Whether a member is on the list.
pub(crate) fn allows(allowed: Option<Allowed>, member: &str) -> bool {
    match allowed {
        Some(All) => true,
        Some(Only(names)) => names.contains(&member),
        None => false,
    }
}

/// Every type that is named.
#[cfg(test)]
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    LIST.iter().flat_map(|(names, _)| names.iter().copied())
}
