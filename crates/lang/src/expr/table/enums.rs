//! Enum types that expressions may use.

use crate::value::EnumType;

macro_rules! enums {
    ($($id:ident $name:literal $(($flags:ident))? { $($member:ident = $n:literal),* $(,)? })*) => {
        $(pub(crate) static $id: EnumType = EnumType { name: $name, flags: enums!(@ $($flags)?), members: &[$((stringify!($member), $n)),*] };)*
        /// All of them.
        pub(crate) static ENUMS: &[&EnumType] = &[$(&$id),*];
    };
    (@ flags) => { true };
    (@) => { false };
}

enums! {
    STRING_COMPARISON "System.StringComparison" {
        CurrentCulture = 0, CurrentCultureIgnoreCase = 1, InvariantCulture = 2, InvariantCultureIgnoreCase = 3, Ordinal = 4, OrdinalIgnoreCase = 5,
    }
    SPLIT_OPTIONS "System.StringSplitOptions" (flags) { None = 0, RemoveEmptyEntries = 1, TrimEntries = 2 }
    COMPARE_OPTIONS "System.Globalization.CompareOptions" (flags) {
        None = 0, IgnoreCase = 1, IgnoreNonSpace = 2, IgnoreSymbols = 4, IgnoreKanaType = 8, IgnoreWidth = 16, OrdinalIgnoreCase = 268435456,
        StringSort = 536870912, Ordinal = 1073741824,
    }
    NORMALIZATION_FORM "System.Text.NormalizationForm" { FormC = 1, FormD = 2, FormKC = 5, FormKD = 6 }
    UNICODE_CATEGORY "System.Globalization.UnicodeCategory" {
        UppercaseLetter = 0, LowercaseLetter = 1, TitlecaseLetter = 2, ModifierLetter = 3, OtherLetter = 4, NonSpacingMark = 5,
        SpacingCombiningMark = 6, EnclosingMark = 7, DecimalDigitNumber = 8, LetterNumber = 9, OtherNumber = 10, SpaceSeparator = 11,
        LineSeparator = 12, ParagraphSeparator = 13, Control = 14, Format = 15, Surrogate = 16, PrivateUse = 17, ConnectorPunctuation = 18,
        DashPunctuation = 19, OpenPunctuation = 20, ClosePunctuation = 21, InitialQuotePunctuation = 22, FinalQuotePunctuation = 23,
        OtherPunctuation = 24, MathSymbol = 25, CurrencySymbol = 26, ModifierSymbol = 27, OtherSymbol = 28, OtherNotAssigned = 29,
    }
    TYPE_CODE "System.TypeCode" {
        Empty = 0, Object = 1, DBNull = 2, Boolean = 3, Char = 4, SByte = 5, Byte = 6, Int16 = 7, UInt16 = 8, Int32 = 9, UInt32 = 10, Int64 = 11,
        UInt64 = 12, Single = 13, Double = 14, Decimal = 15, DateTime = 16, String = 18,
    }
    DAY_OF_WEEK "System.DayOfWeek" { Sunday = 0, Monday = 1, Tuesday = 2, Wednesday = 3, Thursday = 4, Friday = 5, Saturday = 6 }
    DATE_TIME_KIND "System.DateTimeKind" { Unspecified = 0, Utc = 1, Local = 2 }
    DATE_TIME_STYLES "System.Globalization.DateTimeStyles" (flags) {
        None = 0, AllowLeadingWhite = 1, AllowTrailingWhite = 2, AllowInnerWhite = 4, AllowWhiteSpaces = 7, NoCurrentDateDefault = 8,
        AdjustToUniversal = 16, AssumeLocal = 32, AssumeUniversal = 64, RoundtripKind = 128,
    }
    TIME_SPAN_STYLES "System.Globalization.TimeSpanStyles" (flags) { None = 0, AssumeNegative = 1 }
    NUMBER_STYLES "System.Globalization.NumberStyles" (flags) {
        None = 0, AllowLeadingWhite = 1, AllowTrailingWhite = 2, AllowLeadingSign = 4, Integer = 7, AllowTrailingSign = 8, AllowParentheses = 16,
        AllowDecimalPoint = 32, AllowThousands = 64, Number = 111, AllowExponent = 128, Float = 167, AllowCurrencySymbol = 256, Currency = 383,
        Any = 511, AllowHexSpecifier = 512, HexNumber = 515,
    }
    MIDPOINT_ROUNDING "System.MidpointRounding" { ToEven = 0, AwayFromZero = 1, ToZero = 2, ToNegativeInfinity = 3, ToPositiveInfinity = 4 }
    FORMATTING "Newtonsoft.Json.Formatting" { None = 0, Indented = 1 }
    MERGE_ARRAY_HANDLING "Newtonsoft.Json.Linq.MergeArrayHandling" { Concat = 0, Union = 1, Replace = 2, Merge = 3 }
    MERGE_NULL_VALUE_HANDLING "Newtonsoft.Json.Linq.MergeNullValueHandling" (flags) { Ignore = 0, Merge = 1 }
    COMMENT_HANDLING "Newtonsoft.Json.Linq.CommentHandling" { Ignore = 0, Load = 1 }
    LINE_INFO_HANDLING "Newtonsoft.Json.Linq.LineInfoHandling" { Ignore = 0, Load = 1 }
    DUPLICATE_PROPERTY_NAME_HANDLING "Newtonsoft.Json.Linq.DuplicatePropertyNameHandling" { Replace = 0, Ignore = 1, Error = 2 }
    NULL_VALUE_HANDLING "Newtonsoft.Json.NullValueHandling" { Include = 0, Ignore = 1 }
    DEFAULT_VALUE_HANDLING "Newtonsoft.Json.DefaultValueHandling" (flags) { Include = 0, Ignore = 1, Populate = 2, IgnoreAndPopulate = 3 }
    DATE_PARSE_HANDLING "Newtonsoft.Json.DateParseHandling" { None = 0, DateTime = 1, DateTimeOffset = 2 }
    DATE_FORMAT_HANDLING "Newtonsoft.Json.DateFormatHandling" { IsoDateFormat = 0, MicrosoftDateFormat = 1 }
    DATE_TIME_ZONE_HANDLING "Newtonsoft.Json.DateTimeZoneHandling" { Local = 0, Utc = 1, Unspecified = 2, RoundtripKind = 3 }
    FLOAT_PARSE_HANDLING "Newtonsoft.Json.FloatParseHandling" { Double = 0, Decimal = 1 }
    STRING_ESCAPE_HANDLING "Newtonsoft.Json.StringEscapeHandling" { Default = 0, EscapeNonAscii = 1, EscapeHtml = 2 }
    JTOKEN_TYPE "Newtonsoft.Json.Linq.JTokenType" {
        None = 0, Object = 1, Array = 2, Constructor = 3, Property = 4, Comment = 5, Integer = 6, Float = 7, String = 8, Boolean = 9, Null = 10,
        Undefined = 11, Date = 12, Raw = 13, Bytes = 14, Guid = 15, Uri = 16, TimeSpan = 17,
    }
    REGEX_OPTIONS "System.Text.RegularExpressions.RegexOptions" (flags) {
        None = 0, IgnoreCase = 1, Multiline = 2, ExplicitCapture = 4, Compiled = 8, Singleline = 16, IgnorePatternWhitespace = 32, RightToLeft = 64,
        ECMAScript = 256, CultureInvariant = 512,
    }
    URI_PARTIAL "System.UriPartial" { Scheme = 0, Authority = 1, Path = 2, Query = 3 }
    ADDRESS_FAMILY "System.Net.Sockets.AddressFamily" { Unknown = -1, Unspecified = 0, InterNetwork = 2, InterNetworkV6 = 23 }
    URI_HOST_NAME_TYPE "System.UriHostNameType" { Unknown = 0, Basic = 1, Dns = 2, IPv4 = 3, IPv6 = 4 }
    URI_COMPONENTS "System.UriComponents" (flags) {
        SerializationInfoString = -2147483648, Scheme = 1, UserInfo = 2, Host = 4, Port = 8, SchemeAndServer = 13, Path = 16, Query = 32,
        PathAndQuery = 48, HttpRequestUrl = 61, Fragment = 64, AbsoluteUri = 127, StrongPort = 128, HostAndPort = 132, StrongAuthority = 134,
        NormalizedHost = 256, KeepDelimiter = 1073741824,
    }
    URI_FORMAT "System.UriFormat" { UriEscaped = 1, Unescaped = 2, SafeUnescaped = 3 }
    URI_KIND "System.UriKind" { RelativeOrAbsolute = 0, Absolute = 1, Relative = 2 }
    CARBON_INTENSITY "Microsoft.Azure.ApiManagement.CarbonIntensity" {
        NotAvailable = 0, VeryLow = 1, Low = 2, Medium = 3, High = 4, VeryHigh = 5,
    }
    PRODUCT_STATE "Microsoft.Azure.ApiManagement.ProductState" { NotPublished = 0, Published = 1 }
    XML_NODE_TYPE "System.Xml.XmlNodeType" {
        None = 0, Element = 1, Attribute = 2, Text = 3, CDATA = 4, EntityReference = 5, Entity = 6, ProcessingInstruction = 7, Comment = 8,
        Document = 9, DocumentType = 10, DocumentFragment = 11, Notation = 12, Whitespace = 13, SignificantWhitespace = 14, EndElement = 15,
        EndEntity = 16, XmlDeclaration = 17,
    }
    SAVE_OPTIONS "System.Xml.Linq.SaveOptions" (flags) { None = 0, DisableFormatting = 1, OmitDuplicateNamespaces = 2 }
    LOAD_OPTIONS "System.Xml.Linq.LoadOptions" (flags) { None = 0, PreserveWhitespace = 1, SetBaseUri = 2, SetLineInfo = 4 }
    X509_NAME_TYPE "System.Security.Cryptography.X509Certificates.X509NameType" {
        SimpleName = 0, EmailName = 1, UpnName = 2, DnsName = 3, DnsFromAlternativeName = 4, UrlName = 5,
    }
    X509_CONTENT_TYPE "System.Security.Cryptography.X509Certificates.X509ContentType" {
        Unknown = 0, Cert = 1, SerializedCert = 2, Pfx = 3, Pkcs12 = 3, SerializedStore = 4, Pkcs7 = 5, Authenticode = 6,
    }
    X509_KEY_STORAGE_FLAGS "System.Security.Cryptography.X509Certificates.X509KeyStorageFlags" (flags) {
        DefaultKeySet = 0, UserKeySet = 1, MachineKeySet = 2, Exportable = 4, UserProtected = 8, PersistKeySet = 16, EphemeralKeySet = 32,
    }
    OID_GROUP "System.Security.Cryptography.OidGroup" {
        All = 0, HashAlgorithm = 1, EncryptionAlgorithm = 2, PublicKeyAlgorithm = 3, SignatureAlgorithm = 4, Attribute = 5,
        ExtensionOrAttribute = 6, EnhancedKeyUsage = 7, Policy = 8, Template = 9, KeyDerivationFunction = 10,
    }
    CIPHER_MODE "System.Security.Cryptography.CipherMode" { CBC = 1, ECB = 2, OFB = 3, CFB = 4, CTS = 5 }
    PADDING_MODE "System.Security.Cryptography.PaddingMode" { None = 1, PKCS7 = 2, Zeros = 3, ANSIX923 = 4, ISO10126 = 5 }
    RSA_SIGNATURE_PADDING_MODE "System.Security.Cryptography.RSASignaturePaddingMode" { Pkcs1 = 0, Pss = 1 }
    RSA_ENCRYPTION_PADDING_MODE "System.Security.Cryptography.RSAEncryptionPaddingMode" { Pkcs1 = 0, Oaep = 1 }
    BASE64_OPTIONS "System.Base64FormattingOptions" { None = 0, InsertLineBreaks = 1 }
}
