// Runs the cases of a batch and prints what each comes to, one JSON object on a line.
//
// A case runs on a thread of its own with a bound of time; one that passes it ends the process, which is then started again
// behind that case.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using Microsoft.Azure.ApiManagement;
using Newtonsoft.Json.Linq;

public static class Harness {
  const int Stack = 16 << 20, MaxItems = 2000, MaxText = 100000;

  // Full name of a type, with type arguments by their full names.
  static string Name(Type t) {
    if (t.IsArray) return Name(t.GetElementType()) + "[" + new string(',', t.GetArrayRank() - 1) + "]";
    if (!t.IsGenericType) return t.FullName;
    return t.GetGenericTypeDefinition().FullName + "[" + string.Join(",", t.GetGenericArguments().Select(Name)) + "]";
  }

  static string Cut(string s) { return s != null && s.Length > MaxText ? s.Substring(0, MaxText) : s; }

  static JObject Show(object v) {
    var o = new JObject();
    if (v == null) { o["type"] = "null"; return o; }
    o["type"] = Name(v.GetType());
    if (v is JToken) o["value"] = Cut(v.ToString());
    else if (v.GetType() == typeof(byte[])) o["value"] = Cut(Convert.ToBase64String((byte[])v));
    else if (v is string) o["value"] = Cut((string)v);
    else if (v is IFormattable) o["value"] = Cut(((IFormattable)v).ToString(null, CultureInfo.InvariantCulture));
    else if (v is System.Xml.Linq.XObject) o["value"] = Cut(v.ToString());
    else if (v is IEnumerable) o["items"] = Items((IEnumerable)v);
    else o["value"] = Cut(v.ToString());
    return o;
  }

  // A loop: an operator of LINQ would change what an ordered sequence does.
  static JArray Items(IEnumerable all) {
    var items = new JArray();
    foreach (var item in all) {
      if (items.Count == MaxItems) break;
      items.Add(Show(item));
    }
    return items;
  }

  static JObject Run(Func<IContext, object> f, string fixture) {
    var o = new JObject();
    try {
      var result = Show(f(Fixture.Read(fixture)));
      o["ok"] = true;
      o["result"] = result;
    } catch (Exception e) {
      o["ok"] = false;
      o["exception"] = Name(e.GetType());
      o["message"] = Cut(e.Message);
    }
    return o;
  }

  // Arguments: a file with the cases to run, as lines of index, tab, fixture.
  public static void Main(string path, Func<IContext, object>[] cases) {
    CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
    Thread.CurrentThread.CurrentCulture = CultureInfo.InvariantCulture;
    var seconds = int.Parse(Environment.GetEnvironmentVariable("ORACLE_SECONDS"));
    var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
    foreach (var line in File.ReadLines(path)) {
      var parts = line.Split(new[] { '\t' }, 2);
      var index = int.Parse(parts[0]);
      output.WriteLine("{\"start\":" + index + "}");
      output.Flush();
      JObject outcome = null;
      var thread = new Thread(() => outcome = Run(cases[index], parts[1]), Stack);
      thread.IsBackground = true;
      thread.Start();
      var ended = thread.Join(TimeSpan.FromSeconds(seconds));
      if (!ended) {
        output.Flush();
        Environment.Exit(3);
      }
      outcome["case"] = index;
      output.WriteLine(outcome.ToString(Newtonsoft.Json.Formatting.None));
    }
    output.Flush();
    Environment.Exit(0);
  }
}
