// The context object for the bench against Mono: as much of it as the expressions of ../expressions.jsonl touch,
// built from the same JSON as the other side. Bodies are never used up, so that an expression can run again.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

public interface IMessageBody { T As<T>(bool preserveContent = false); }

public class Body : IMessageBody {
  readonly byte[] bytes;
  public Body(JToken t) { bytes = Encoding.UTF8.GetBytes(t.Type == JTokenType.String ? (string)t : t.ToString(Formatting.None)); }
  public T As<T>(bool preserveContent = false) {
    if (typeof(T) == typeof(byte[])) return (T)(object)bytes;
    string s = Encoding.UTF8.GetString(bytes);
    if (typeof(T) == typeof(string)) return (T)(object)s;
    if (typeof(T) == typeof(JObject)) return (T)(object)JObject.Parse(s);
    if (typeof(T) == typeof(JArray)) return (T)(object)JArray.Parse(s);
    return (T)(object)JToken.Parse(s);
  }
}

// As in the service, the parts of context are interfaces with properties.
public interface IUrl { string Host { get; } string Path { get; } string QueryString { get; } string Scheme { get; } IReadOnlyDictionary<string, string[]> Query { get; } }
public interface IRequest {
  string Method { get; } string IpAddress { get; } IUrl Url { get; } IUrl OriginalUrl { get; } IMessageBody Body { get; }
  IReadOnlyDictionary<string, string[]> Headers { get; } IReadOnlyDictionary<string, string> MatchedParameters { get; }
}
public interface IResponse { int StatusCode { get; } string StatusReason { get; } IMessageBody Body { get; } IReadOnlyDictionary<string, string[]> Headers { get; } }
public interface INamed { string Id { get; } string Name { get; } string Revision { get; } }
public interface ILastError { string Source { get; } string Reason { get; } string Message { get; } }
public interface IDeployment { string Region { get; } string ServiceName { get; } }
public interface IContext {
  Guid RequestId { get; } IRequest Request { get; } IResponse Response { get; } INamed Api { get; } INamed Operation { get; } INamed Product { get; }
  INamed Subscription { get; } INamed User { get; } ILastError LastError { get; } IDeployment Deployment { get; } IReadOnlyDictionary<string, object> Variables { get; }
}

public class Url : IUrl {
  public string Host { get; set; } public string Path { get; set; } public string QueryString { get; set; } public string Scheme { get; set; }
  public IReadOnlyDictionary<string, string[]> Query { get; set; } readonly string text;
  public Url(string t) {
    var uri = new Uri(t); text = t; Host = uri.Host; Path = uri.AbsolutePath; QueryString = uri.Query; Scheme = uri.Scheme;
    var pairs = uri.Query.TrimStart('?').Split('&').Where(p => p != "").Select(p => p.Split('='));
    Query = pairs.ToDictionary(p => Uri.UnescapeDataString(p[0]), p => new[] { Uri.UnescapeDataString(p[1].Replace('+', ' ')) }, StringComparer.OrdinalIgnoreCase);
  }
  public override string ToString() { return text; }
}
public class Request : IRequest {
  public string Method { get; set; } public string IpAddress { get; set; } public IUrl Url { get; set; } public IUrl OriginalUrl { get; set; } public IMessageBody Body { get; set; }
  public IReadOnlyDictionary<string, string[]> Headers { get; set; } public IReadOnlyDictionary<string, string> MatchedParameters { get; set; }
}
public class Response : IResponse { public int StatusCode { get; set; } public string StatusReason { get; set; } public IMessageBody Body { get; set; } public IReadOnlyDictionary<string, string[]> Headers { get; set; } }
public class Named : INamed { public string Id { get; set; } public string Name { get; set; } public string Revision { get; set; } }
public class LastErrorOf : ILastError { public string Source { get; set; } public string Reason { get; set; } public string Message { get; set; } }
public class Deployed : IDeployment { public string Region { get { return "local"; } } public string ServiceName { get { return "tollgate"; } } }
public class Jwt { public IReadOnlyDictionary<string, string[]> Claims { get; set; } }
public class Authorization { public string AccessToken { get; set; } }

public class Exchange : IContext {
  public Guid RequestId { get; set; } public IRequest Request { get; set; } public IResponse Response { get; set; } public INamed Api { get; set; } public INamed Operation { get; set; }
  public INamed Product { get; set; } public INamed Subscription { get; set; } public INamed User { get; set; } public ILastError LastError { get; set; }
  public IDeployment Deployment { get; set; } public IReadOnlyDictionary<string, object> Variables { get; set; }

  static IReadOnlyDictionary<string, string[]> Headers(JToken t) {
    var d = new Dictionary<string, string[]>(StringComparer.OrdinalIgnoreCase);
    if (t != null) foreach (var p in ((JObject)t).Properties()) d[p.Name] = new[] { (string)p.Value };
    return d;
  }
  static IResponse ResponseOf(JToken r) {
    return new Response { StatusCode = (int?)r["statusCode"] ?? 200, StatusReason = (string)r["statusReason"] ?? "OK", Headers = Headers(r["headers"]), Body = r["body"] == null ? null : new Body(r["body"]) };
  }
  static Jwt JwtOf(string token) {
    var part = token.Split('.')[1].Replace('-', '+').Replace('_', '/');
    var claims = JObject.Parse(Encoding.UTF8.GetString(Convert.FromBase64String(part + "===".Substring((part.Length + 3) % 4))));
    return new Jwt { Claims = claims.Properties().ToDictionary(p => p.Name, p => p.Value is JArray ? p.Value.Select(x => (string)x).ToArray() : new[] { (string)p.Value }) };
  }
  static object Variable(JToken t) {
    var o = t as JObject;
    if (o == null) switch (t.Type) { case JTokenType.String: return (string)t; case JTokenType.Integer: return (int)t; case JTokenType.Boolean: return (bool)t; default: return t; }
    var v = o["value"];
    switch ((string)o["$type"]) {
      case "int": return (int)v; case "long": return (long)v; case "IResponse": return ResponseOf(v); case "Jwt": return JwtOf((string)v);
      default: return v;
    }
  }
  static INamed NamedOf(JToken t, string id, string name) {
    return t != null ? new Named { Id = (string)t["id"], Name = (string)t["name"] } : id != null ? new Named { Id = id, Name = name, Revision = "1" } : null;
  }
  public static IContext From(string json) {
    var f = JObject.Load(new JsonTextReader(new System.IO.StringReader(json)) { DateParseHandling = DateParseHandling.None });
    var q = f["request"];
    var url = new Url((string)q["url"] ?? "https://gateway.example/openai/chat/completions?api-version=2024-10-21");
    var matched = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
    if (q["matchedParameters"] != null) foreach (var p in ((JObject)q["matchedParameters"]).Properties()) matched[p.Name] = (string)p.Value;
    return new Exchange {
      RequestId = Guid.Parse("6f1c1d4e-0a6b-4f43-9f0e-2f3a0c1b7d55"), Deployment = new Deployed(),
      Request = new Request { Method = (string)q["method"] ?? "POST", IpAddress = "203.0.113.7", Url = url, OriginalUrl = url, Headers = Headers(q["headers"]), MatchedParameters = matched, Body = q["body"] == null ? null : new Body(q["body"]) },
      Response = ResponseOf(f["response"]), Api = NamedOf(f["api"], "openai", "OpenAI"), Operation = NamedOf(f["operation"], "chat", "Chat"),
      Product = NamedOf(f["product"], null, null), Subscription = NamedOf(f["subscription"], null, null), User = NamedOf(f["user"], null, null),
      LastError = f["lastError"] == null ? null : new LastErrorOf { Source = (string)f["lastError"]["source"], Reason = (string)f["lastError"]["reason"], Message = (string)f["lastError"]["message"] },
      Variables = ((JObject)f["variables"]).Properties().ToDictionary(p => p.Name, p => Variable(p.Value)),
    };
  }
}

public static class Extensions {
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> d, string k, string def = null) { string[] v; return d.TryGetValue(k, out v) ? (v.Length == 1 ? v[0] : string.Join(",", v)) : def; }
  public static string GetValueOrDefault(this IReadOnlyDictionary<string, string> d, string k, string def = null) { string v; return d.TryGetValue(k, out v) ? v : def; }
  public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string k, T def) { object v; return d.TryGetValue(k, out v) ? (T)v : def; }
  public static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> d, string k) { object v; return d.TryGetValue(k, out v) ? (T)v : default(T); }
  public static object GetValueOrDefault(this IReadOnlyDictionary<string, object> d, string k) { object v; return d.TryGetValue(k, out v) ? v : null; }
  static byte[] Run(ICryptoTransform t, byte[] b) { using (t) return t.TransformFinalBlock(b, 0, b.Length); }
  public static byte[] Encrypt(this byte[] b, string alg, byte[] key, byte[] iv) { using (var a = SymmetricAlgorithm.Create(alg)) return Run(a.CreateEncryptor(key, iv), b); }
  public static byte[] Decrypt(this byte[] b, string alg, byte[] key, byte[] iv) { using (var a = SymmetricAlgorithm.Create(alg)) return Run(a.CreateDecryptor(key, iv), b); }
}

// Runs expressions on demand: a line "index count" is answered with the nanoseconds that so many evaluations took.
public static class Loop {
  static object kept;
  public static void Run(Func<IContext, object>[] code, string contexts) {
    var all = System.IO.File.ReadAllLines(contexts).Select(Exchange.From).ToArray();
    string line;
    while ((line = Console.In.ReadLine()) != null) {
      var p = line.Split(' '); var f = code[int.Parse(p[0])]; var c = all[int.Parse(p[0])]; var n = int.Parse(p[1]);
      var watch = System.Diagnostics.Stopwatch.StartNew();
      for (var i = 0; i < n; i++) kept = f(c);
      watch.Stop();
      Console.Out.WriteLine((watch.ElapsedTicks * (1e9 / System.Diagnostics.Stopwatch.Frequency)).ToString("F0"));
      Console.Out.Flush();
    }
  }
}
