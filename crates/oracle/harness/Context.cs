// The `context` object of policy expressions in C#, built from a JSON fixture, so that a real C# runtime (Mono with
// Json.NET) can tell what an expression evaluates to. The notation and the defaults of fixtures are those of
// `tollgate_lang::expr::fixture`; types and members are API Management's.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Xml.Linq;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Microsoft.Azure.ApiManagement {

public interface IMessageBody {
  T As<T>(bool preserveContent = false);
  IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false);
}

public class Body : IMessageBody {
  byte[] bytes;
  public Body(byte[] content) { bytes = content; }
  public T As<T>(bool preserveContent = false) {
    if (bytes == null) throw new InvalidOperationException("The message body was read before without preserveContent: true, or there is none.");
    object result;
    string text = Encoding.UTF8.GetString(bytes);
    if (typeof(T) == typeof(string)) result = text;
    else if (typeof(T) == typeof(byte[])) result = bytes;
    else if (typeof(T) == typeof(JObject)) result = JObject.Parse(text);
    else if (typeof(T) == typeof(JArray)) result = JArray.Parse(text);
    else if (typeof(T) == typeof(JToken)) result = JToken.Parse(text);
    else if (typeof(T) == typeof(XNode) || typeof(T) == typeof(XElement)) result = XElement.Parse(text);
    else if (typeof(T) == typeof(XDocument)) result = XDocument.Parse(text);
    else throw new NotSupportedException("The message body cannot be read as '" + typeof(T).FullName + "'.");
    if (!preserveContent) bytes = null;
    return (T)result;
  }
  public IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false) {
    var all = new Dictionary<string, IList<string>>();
    foreach (var pair in As<string>(preserveContent).Split('&')) {
      if (pair == "") continue;
      var parts = pair.Split(new[] { '=' }, 2);
      var key = WebUtility.UrlDecode(parts[0]);
      IList<string> values;
      if (!all.TryGetValue(key, out values)) all[key] = values = new List<string>();
      values.Add(parts.Length > 1 ? WebUtility.UrlDecode(parts[1]) : "");
    }
    return all;
  }
}

public class IUrl {
  public string Host { get; private set; }
  public string Path { get; private set; }
  public int Port { get; private set; }
  public string QueryString { get; private set; }
  public string Scheme { get; private set; }
  public IReadOnlyDictionary<string, string[]> Query { get; private set; }
  readonly string text;
  public IUrl(string url) {
    var uri = new Uri(url);
    text = url; Host = uri.Host; Path = uri.AbsolutePath; QueryString = uri.Query; Scheme = uri.Scheme; Port = uri.Port;
    var all = new Dictionary<string, List<string>>(StringComparer.OrdinalIgnoreCase);
    foreach (var pair in uri.Query.TrimStart('?').Split('&')) {
      if (pair == "") continue;
      var parts = pair.Split(new[] { '=' }, 2);
      var key = Uri.UnescapeDataString(parts[0]);
      if (!all.ContainsKey(key)) all[key] = new List<string>();
      all[key].Add(parts.Length > 1 ? Uri.UnescapeDataString(parts[1].Replace('+', ' ')) : "");
    }
    Query = all.ToDictionary(x => x.Key, x => x.Value.ToArray(), StringComparer.OrdinalIgnoreCase);
  }
  public Uri ToUri() { return new Uri(text); }
  public override string ToString() { return text; }
}

public class IRequest {
  public string Method { get; set; }
  public string IpAddress { get; set; }
  public IUrl Url { get; set; }
  public IUrl OriginalUrl { get; set; }
  public IMessageBody Body { get; set; }
  public IReadOnlyDictionary<string, string[]> Headers { get; set; }
  public IReadOnlyDictionary<string, string> MatchedParameters { get; set; }
  public X509Certificate2 Certificate { get { return null; } }
  public IAzureVnetInfo AzureVnetInfo { get { return null; } }
  public IPrivateEndpointConnection PrivateEndpointConnection { get { return null; } }
}

public class IResponse {
  public int StatusCode { get; set; }
  public string StatusReason { get; set; }
  public IMessageBody Body { get; set; }
  public IReadOnlyDictionary<string, string[]> Headers { get; set; }
}

public class GraphQL { public JObject Arguments { get; set; } public JObject Parent { get; set; } }
public class IAzureVnetInfo { public int VnetTrafficTag { get; set; } public int SubnetId { get; set; } public int PrivateLinkId { get; set; } public string SnatVip { get; set; } }
public class IPrivateEndpointConnection { public string Name { get; set; } public string GroupId { get; set; } public string MemberName { get; set; } }
public class ISubscriptionKeyParameterNames { public string Header { get; set; } public string Query { get; set; } }
public class ISustainabilityInfo { public CarbonIntensity CurrentCarbonIntensity { get; set; } }
public enum CarbonIntensity { NotAvailable, VeryLow, Low, Medium, High, VeryHigh }

public class IWorkspace { public string Id { get; set; } public string Name { get; set; } }
public class IGroup { public string Id { get; set; } public string Name { get; set; } }
public class IUserIdentity { public string Id { get; set; } public string Provider { get; set; } }

public class IApi {
  public string Id { get; set; }
  public string Name { get; set; }
  public string Path { get; set; }
  public IEnumerable<string> Protocols { get; set; }
  public IUrl ServiceUrl { get; set; }
  public ISubscriptionKeyParameterNames SubscriptionKeyParameterNames { get { return new ISubscriptionKeyParameterNames { Header = "Ocp-Apim-Subscription-Key", Query = "subscription-key" }; } }
  public IWorkspace Workspace { get; set; }
}

public class IContextApi : IApi {
  public bool IsCurrentRevision { get; set; }
  public string Revision { get; set; }
  public string Version { get; set; }
}

public class IOperation {
  public string Id { get; set; }
  public string Name { get; set; }
  public string Method { get; set; }
  public string UrlTemplate { get; set; }
}

public enum ProductState { NotPublished, Published }

public class IProduct {
  public IEnumerable<IApi> Apis { get; set; }
  public IEnumerable<IGroup> Groups { get; set; }
  public bool ApprovalRequired { get; set; }
  public bool SubscriptionRequired { get; set; }
  public string Id { get; set; }
  public string Name { get; set; }
  public ProductState State { get; set; }
  public int? SubscriptionLimit { get; set; }
  public IWorkspace Workspace { get; set; }
}

public class ISubscription {
  public string Id { get; set; }
  public string Name { get; set; }
  public string Key { get; set; }
  public string PrimaryKey { get; set; }
  public string SecondaryKey { get; set; }
  public DateTime CreatedDate { get; set; }
  public DateTime CreatedTime { get { return CreatedDate; } }
  public DateTime? StartDate { get; set; }
  public DateTime? EndDate { get; set; }
}

public class IUser {
  public string Id { get; set; }
  public string Email { get; set; }
  public string FirstName { get; set; }
  public string LastName { get; set; }
  public string Note { get; set; }
  public DateTime RegistrationDate { get; set; }
  public IEnumerable<IGroup> Groups { get; set; }
  public IEnumerable<IUserIdentity> Identities { get; set; }
}

public class ILastError {
  public string Source { get; set; }
  public string Reason { get; set; }
  public string Message { get; set; }
  public string Scope { get; set; }
  public string Section { get; set; }
  public string Path { get; set; }
  public string PolicyId { get; set; }
  public int HttpErrorCode { get; set; }
}

public class IGateway { public string Id { get; set; } public string InstanceId { get; set; } public bool IsManaged { get; set; } }

public class IDeployment {
  public IGateway Gateway { get; set; }
  public string GatewayId { get; set; }
  public string Region { get; set; }
  public string ServiceId { get; set; }
  public string ServiceName { get; set; }
  public ISustainabilityInfo SustainabilityInfo { get { return new ISustainabilityInfo(); } }
  public IReadOnlyDictionary<string, X509Certificate2> Certificates { get; set; }
}

public class Jwt {
  public string Algorithm { get; set; }
  public string Id { get; set; }
  public string Issuer { get; set; }
  public string Subject { get; set; }
  public string Type { get; set; }
  public IEnumerable<string> Audiences { get; set; }
  public IReadOnlyDictionary<string, string[]> Claims { get; set; }
  public DateTime? ExpirationTime { get; set; }
  public DateTime? NotBefore { get; set; }
  public DateTime? IssuedAt { get; set; }

  static string Text(JToken t) { return t == null ? null : t.Type == JTokenType.String ? (string)t : t.ToString(Newtonsoft.Json.Formatting.None); }
  static string[] Texts(JToken t) { return t == null ? new string[0] : t is JArray ? t.Select(Text).ToArray() : new[] { Text(t) }; }
  static DateTime? Moment(JToken t) {
    if (t == null || (t.Type != JTokenType.Integer && t.Type != JTokenType.Float)) return null;
    return new DateTime(1970, 1, 1, 0, 0, 0, DateTimeKind.Utc).AddSeconds((long)t);
  }
  public static Jwt Of(JObject header, JObject body) {
    var claims = new Dictionary<string, string[]>();
    foreach (var p in body.Properties()) claims[p.Name] = Texts(p.Value);
    return new Jwt { Algorithm = Text(header["alg"]), Type = Text(header["typ"]), Id = Text(body["jti"]), Issuer = Text(body["iss"]),
      Subject = Text(body["sub"]), Claims = claims, Audiences = Texts(body["aud"]), ExpirationTime = Moment(body["exp"]),
      NotBefore = Moment(body["nbf"]), IssuedAt = Moment(body["iat"]) };
  }
}

public class Authorization { public string AccessToken { get; set; } public IReadOnlyDictionary<string, object> Claims { get; set; } }
public class BasicAuthCredentials { public string Username { get; set; } public string UserId { get; set; } public string Password { get; set; } }

public class IContext {
  public Guid RequestId { get; set; }
  public DateTime Timestamp { get; set; }
  public TimeSpan Elapsed { get { return TimeSpan.Zero; } }
  public bool Tracing { get { return false; } }
  public IRequest Request { get; set; }
  public IResponse Response { get; set; }
  public IContextApi Api { get; set; }
  public IOperation Operation { get; set; }
  public IProduct Product { get; set; }
  public ISubscription Subscription { get; set; }
  public IUser User { get; set; }
  public ILastError LastError { get; set; }
  public IDeployment Deployment { get; set; }
  public IWorkspace Workspace { get { return null; } }
  public GraphQL GraphQL { get { return null; } }
  public IReadOnlyDictionary<string, object> Variables { get; set; }
  public void Trace(string message) { }
}

public static class Fixture {
  static readonly JObject None = new JObject();
  static JObject Load(string json) {
    var reader = new JsonTextReader(new StringReader(json)) { DateParseHandling = DateParseHandling.None };
    return JObject.Load(reader);
  }
  static JObject Part(JObject of, string name) { return of[name] as JObject; }
  static string Text(JObject of, string name, string otherwise = null) { return of == null ? otherwise : (string)of[name] ?? otherwise; }
  static bool Flag(JObject of, string name, bool otherwise) { return (bool?)of[name] ?? otherwise; }
  static DateTime Moment(string text) { return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind); }
  // Dates of the configuration are UTC, whatever they are written as.
  static DateTime? Date(JObject of, string name) {
    var text = (string)of[name];
    return text == null ? (DateTime?)null : DateTime.SpecifyKind(Moment(text), DateTimeKind.Utc);
  }
  static DateTime DateOr0(JObject of, string name) { return Date(of, name) ?? DateTime.SpecifyKind(DateTime.MinValue, DateTimeKind.Utc); }
  static IReadOnlyDictionary<string, string[]> Multi(JToken t) {
    var all = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
    if (t is JObject) foreach (var p in ((JObject)t).Properties())
      all[p.Name.ToLowerInvariant()] = p.Value is JArray ? p.Value.Select(x => (string)x).ToArray() : new[] { (string)p.Value };
    return all;
  }
  static Body MakeBody(JToken t) {
    if (t == null || t.Type == JTokenType.Null) return null;
    return new Body(Encoding.UTF8.GetBytes(t.Type == JTokenType.String ? (string)t : t.ToString(Newtonsoft.Json.Formatting.None)));
  }
  static JToken Again(JToken t) { return JToken.Parse(t.ToString(Newtonsoft.Json.Formatting.None)); }
  static object Variable(JToken t) {
    var o = t as JObject;
    if (o != null && o["$type"] != null) {
      var v = o["value"];
      switch ((string)o["$type"]) {
        case "JObject": case "JArray": case "JToken": return Again(v);
        case "DateTime": return Moment((string)v);
        case "int": return (int)v;
        case "long": return (long)v;
        case "double": return (double)v;
        case "Guid": return Guid.Parse((string)v);
        case "bytes": return Convert.FromBase64String((string)v);
        case "IResponse": return MakeResponse((JObject)v);
        case "Jwt":
          var claims = v["claims"] == null ? new JObject() : (JObject)v["claims"].DeepClone();
          foreach (var pair in new[] { "id jti", "issuer iss", "subject sub", "audiences aud" }) {
            var names = pair.Split(' ');
            if (v[names[0]] != null && v[names[0]].Type != JTokenType.Null) claims[names[1]] = v[names[0]].DeepClone();
          }
          return Jwt.Of(JObject.Parse("{\"alg\":\"RS256\",\"typ\":\"JWT\"}"), claims);
      }
      throw new Exception("unknown $type " + o["$type"]);
    }
    switch (t.Type) {
      case JTokenType.String: return (string)t;
      case JTokenType.Integer: return (int)t;
      case JTokenType.Float: return (double)t;
      case JTokenType.Boolean: return (bool)t;
      case JTokenType.Null: return null;
      default: return Again(t);
    }
  }
  static IResponse MakeResponse(JObject r) {
    return new IResponse { StatusCode = (int?)r["statusCode"] ?? 200, StatusReason = (string)r["statusReason"] ?? "OK", Headers = Multi(r["headers"]), Body = MakeBody(r["body"]) };
  }
  static IEnumerable<IGroup> Groups(JToken t) { return t == null ? new IGroup[0] : t.Select(g => new IGroup { Id = (string)g["id"] ?? "", Name = (string)g["name"] ?? "" }).ToArray(); }

  public static IContext Read(string json) {
    var f = Load(json);
    var c = new IContext();
    c.RequestId = Guid.Parse((string)f["requestId"] ?? "6f1c1d4e-0a6b-4f43-9f0e-2f3a0c1b7d55");
    c.Timestamp = Moment((string)f["timestamp"] ?? "2026-01-15T10:20:30.1234567Z");
    var q = Part(f, "request") ?? None;
    c.Request = new IRequest { Method = Text(q, "method", "POST"), IpAddress = Text(q, "ipAddress", "203.0.113.7"),
      Url = new IUrl(Text(q, "url", "https://gateway.example/openai/chat/completions?api-version=2024-10-21")),
      Headers = Multi(q["headers"]), Body = MakeBody(q["body"]) };
    c.Request.OriginalUrl = new IUrl(Text(q, "originalUrl", c.Request.Url.ToString()));
    var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
    if (Part(q, "matchedParameters") != null) foreach (var p in Part(q, "matchedParameters").Properties()) parameters[p.Name] = (string)p.Value;
    c.Request.MatchedParameters = parameters;
    c.Response = MakeResponse(Part(f, "response") ?? None);
    var variables = new Dictionary<string, object>();
    // In the order of names, as ours keeps them.
    if (Part(f, "variables") != null) foreach (var p in Part(f, "variables").Properties().OrderBy(p => p.Name, StringComparer.Ordinal)) variables[p.Name] = Variable(p.Value);
    c.Variables = variables;
    var a = Part(f, "api");
    c.Api = new IContextApi { Id = Text(a, "id", a == null ? "openai" : null), Name = Text(a, "name", a == null ? "OpenAI" : null), Path = Text(a, "path", a == null ? "openai" : null),
      Version = Text(a, "version"), Revision = Text(a, "revision", "1"), IsCurrentRevision = Flag(a ?? None, "isCurrentRevision", true),
      Protocols = a == null || a["protocols"] == null ? new[] { "https" } : a["protocols"].Select(x => (string)x).ToArray(),
      ServiceUrl = Text(a, "serviceUrl") == null ? null : new IUrl(Text(a, "serviceUrl")) };
    var o = Part(f, "operation");
    c.Operation = new IOperation { Id = Text(o, "id", o == null ? "chat" : null), Name = Text(o, "name", o == null ? "Chat" : null),
      Method = Text(o, "method", o == null ? "POST" : null), UrlTemplate = Text(o, "urlTemplate", o == null ? "/chat/completions" : null) };
    var d = Part(f, "product");
    if (d != null) c.Product = new IProduct { Id = Text(d, "id"), Name = Text(d, "name"), State = Text(d, "state", "Published") == "Published" ? ProductState.Published : ProductState.NotPublished,
      ApprovalRequired = Flag(d, "approvalRequired", false), SubscriptionRequired = Flag(d, "subscriptionRequired", true), SubscriptionLimit = (int?)d["subscriptionLimit"],
      Groups = Groups(d["groups"]), Apis = d["apis"] == null ? new IApi[0] : d["apis"].Select(x => new IApi { Id = (string)x["id"] ?? "", Name = (string)x["name"] ?? "" }).ToArray() };
    var s = Part(f, "subscription");
    if (s != null) c.Subscription = new ISubscription { Id = Text(s, "id"), Name = Text(s, "name"), Key = Text(s, "key"), PrimaryKey = Text(s, "primaryKey"), SecondaryKey = Text(s, "secondaryKey"),
      CreatedDate = DateOr0(s, "createdDate"), StartDate = Date(s, "startDate"), EndDate = Date(s, "endDate") };
    var u = Part(f, "user");
    if (u != null) c.User = new IUser { Id = Text(u, "id"), Email = Text(u, "email"), FirstName = Text(u, "firstName"), LastName = Text(u, "lastName"), Note = Text(u, "note"),
      RegistrationDate = DateOr0(u, "registrationDate"), Groups = Groups(u["groups"]),
      Identities = u["identities"] == null ? new IUserIdentity[0] : u["identities"].Select(x => new IUserIdentity { Id = (string)x["id"] ?? "", Provider = (string)x["provider"] ?? "" }).ToArray() };
    var e = Part(f, "lastError");
    if (e != null) c.LastError = new ILastError { Source = Text(e, "source"), Reason = Text(e, "reason"), Message = Text(e, "message"), Scope = Text(e, "scope"), Section = Text(e, "section"), Path = Text(e, "path"), PolicyId = Text(e, "policyId"), HttpErrorCode = (int?)e["httpErrorCode"] ?? 0 };
    var p0 = Part(f, "deployment") ?? None;
    c.Deployment = new IDeployment { GatewayId = Text(p0, "gatewayId", "managed"), Region = Text(p0, "region", "local"), ServiceId = Text(p0, "serviceId", "tollgate"), ServiceName = Text(p0, "serviceName", "tollgate"),
      Gateway = new IGateway { Id = Text(p0, "gatewayId", "managed"), InstanceId = Text(p0, "instanceId", "gw-1"), IsManaged = Flag(p0, "isManaged", true) },
      Certificates = new Dictionary<string, X509Certificate2>() };
    return c;
  }
}

public static class DictionaryExtensions {
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> d, string key, string defaultValue) { string[] v; return d.TryGetValue(key, out v) ? string.Join(",", v) : defaultValue; }
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> d, string key) { return d.GetValueOrDefault(key, (string)null); }
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string> d, string key, string defaultValue) { string v; return d.TryGetValue(key, out v) ? v : defaultValue; }
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string> d, string key) { return d.GetValueOrDefault(key, (string)null); }
  public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string key, T defaultValue) { object v; return d.TryGetValue(key, out v) ? (T)v : defaultValue; }
  public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string key) { object v; return d.TryGetValue(key, out v) ? (T)v : default(T); }
  public static object GetValueOrDefault(this IReadOnlyDictionary<string, object> d, string key) { object v; return d.TryGetValue(key, out v) ? v : null; }
  public static string ToQueryString(this IDictionary<string, IList<string>> d) { var f = d.ToFormUrlEncodedContent(); return f == "" ? "" : "?" + f; }
  public static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> d) { return string.Join("&", d.SelectMany(x => x.Value.Select(v => WebUtility.UrlEncode(x.Key) + "=" + WebUtility.UrlEncode(v)))); }
}

public static class StringExtensions {
  static byte[] Decode(string s) { s = s.Replace('-', '+').Replace('_', '/'); while (s.Length % 4 != 0) s += "="; return Convert.FromBase64String(s); }
  static JObject Json(string s) { return JObject.Load(new JsonTextReader(new StringReader(Encoding.UTF8.GetString(Decode(s)))) { DateParseHandling = DateParseHandling.None }); }
  public static Jwt AsJwt(this string input) { Jwt j; return TryParseJwt(input, out j) ? j : null; }
  public static bool TryParseJwt(this string input, out Jwt result) {
    result = null;
    if (input == null) return false;
    if (input.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) input = input.Substring(7);
    var parts = input.Split('.');
    if (parts.Length != 3) return false;
    try { result = Jwt.Of(Json(parts[0]), Json(parts[1])); return true; } catch { return false; }
  }
  public static BasicAuthCredentials AsBasic(this string input) { BasicAuthCredentials c; return TryParseBasic(input, out c) ? c : null; }
  public static bool TryParseBasic(this string input, out BasicAuthCredentials result) {
    result = null;
    if (input == null || !input.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)) return false;
    try {
      var text = Encoding.UTF8.GetString(Convert.FromBase64String(input.Substring(6).Trim()));
      var colon = text.IndexOf(':');
      if (colon < 0) return false;
      result = new BasicAuthCredentials { Username = text.Substring(0, colon), UserId = text.Substring(0, colon), Password = text.Substring(colon + 1) };
      return true;
    } catch { return false; }
  }
}

public static class CertificateExtensions {
  public static bool VerifyNoRevocation(this X509Certificate2 certificate) { if (certificate == null) throw new ArgumentNullException("certificate"); return false; }
}

public static class CryptographyExtensions {
  static SymmetricAlgorithm Algorithm(string alg) {
    if (alg == null) throw new ArgumentNullException("alg");
    var a = SymmetricAlgorithm.Create(alg);
    if (a == null) throw new ArgumentException("The symmetric algorithm is not known.", "alg");
    return a;
  }
  static SymmetricAlgorithm Given(SymmetricAlgorithm alg) { if (alg == null) throw new ArgumentNullException("alg"); return alg; }
  static byte[] Run(ICryptoTransform t, byte[] data) { using (t) return t.TransformFinalBlock(data, 0, data.Length); }
  public static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv) { using (var a = Algorithm(alg)) return Run(a.CreateEncryptor(key, iv), input); }
  public static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv) { using (var a = Algorithm(alg)) return Run(a.CreateDecryptor(key, iv), input); }
  public static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg) { return Run(Given(alg).CreateEncryptor(), input); }
  public static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg) { return Run(Given(alg).CreateDecryptor(), input); }
  public static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv) { return Run(Given(alg).CreateEncryptor(key, iv), input); }
  public static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv) { return Run(Given(alg).CreateDecryptor(key, iv), input); }
}
}
