//! What an expression costs that runs into each bound of the language. Run with `cargo bench -p tollgate-lang --bench bounds`.
//!
//! CPU of the thread in ms, as the kernel's scheduler counts it; least of three evaluations. Goal: 100 ms each. A word picks
//! rows by their name; an expression, `-- '@(...)'`, is measured instead of them.
#![allow(missing_docs, clippy::unwrap_used)]

#[allow(dead_code, reason = "the other benches evaluate the list")]
mod exchange;

use exchange::{Exchange, cases, compiled};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CASES: [(&str, &str); 29] = [
    ("steps: empty loop", "@{ while (true) { } }"),
    (
        "steps: counting",
        "@{ var n = 0; while (true) { n = (n * 31 + 7) % 1000; } }",
    ),
    (
        "steps: a variable and a number's text",
        "@{ var n = 0; while (true) { n++; var s = n.ToString(); } }",
    ),
    (
        "steps: a delegate",
        "@{ Func<int, int> f = x => x + 1; var n = 0; while (true) { n = f(n); } }",
    ),
    (
        "steps: LINQ over a range",
        "@(Enumerable.Range(0, 2000000000).Where(x => x % 2 == 3).Count())",
    ),
    (
        "steps: sorting",
        "@{ var l = Enumerable.Range(0, 1000).Select(x => (x * 7919) % 1000).ToList(); while (true) { l.OrderBy(x => x).First(); } }",
    ),
    (
        "steps: length of a long text",
        "@{ var s = new string('a', 20000000); var n = 0; while (true) { n += s.Length; } }",
    ),
    (
        "steps: equality of long texts",
        "@{ var s = new string('a', 8000000); var t = new string('a', 8000000); while (true) { if (s != t) { return 1; } } }",
    ),
    (
        "steps: searching a long text",
        "@{ var s = new string('a', 1000000); while (true) { if (s.IndexOf(\"ab\") > 0) { return 1; } } }",
    ),
    (
        "steps: splitting",
        "@{ var s = string.Join(\",\", Enumerable.Range(0, 500)); while (true) { var p = s.Split(','); } }",
    ),
    (
        "steps: dates",
        "@{ var s = \"2024-01-01T00:00:00Z\"; for (var i = 0; ; i++) { var d = DateTime.Parse(s).AddDays(i % 7).ToString(\"yyyy-MM-dd\"); } }",
    ),
    (
        "steps: JSON parsed",
        "@{ var s = \"{\\\"a\\\":[1,2,{\\\"b\\\":\\\"c\\\"}]}\"; while (true) { var n = (int)JObject.Parse(s)[\"a\"][1]; } }",
    ),
    (
        "steps: JSON path",
        "@{ var j = JObject.Parse(\"{\\\"a\\\":[{\\\"b\\\":1},{\\\"b\\\":2}]}\"); while (true) { var n = j.SelectTokens(\"$..b\").Count(); } }",
    ),
    (
        "steps: hashes",
        "@{ var b = new byte[10000]; var n = 0; while (true) { n += SHA512.Create().ComputeHash(b)[0]; } }",
    ),
    (
        "steps: exceptions",
        "@{ var n = 0; while (true) { try { throw new Exception(\"x\"); } catch (Exception e) { n += e.Message.Length; } } }",
    ),
    (
        "steps: headers and variables",
        "@{ var n = 0; while (true) { n += context.Request.Headers.GetValueOrDefault(\"Accept\", \"\").Length + ((string)context.Variables[\"tier\"]).Length; } }",
    ),
    (
        "memory: a list of texts",
        "@{ var l = new List<string>(); while (true) { l.Add(new string('x', 10000)); } }",
    ),
    (
        "memory: a list of numbers",
        "@{ var l = new List<int>(); while (true) { l.Add(1); } }",
    ),
    ("memory: an array", "@(new int[2000000000].Length)"),
    (
        "memory: JSON",
        "@{ var a = new JArray(); while (true) { a.Add(new JObject(new JProperty(\"a\", 1))); } }",
    ),
    (
        "memory: a dictionary",
        "@{ var d = new Dictionary<string, int>(); for (var i = 0; ; i++) { d[\"k\" + i] = i; } }",
    ),
    (
        "recursion: a local function",
        "@{ int F(int n) { return F(n + 1) + 1; } return F(0); }",
    ),
    (
        "recursion: JSON in JSON",
        "@{ var a = new JArray(); for (;;) { var b = new JArray(); b.Add(a); a = b; } }",
    ),
    (
        "text: doubled",
        "@{ var s = \"xxxxxxxx\"; while (true) { s += s; } }",
    ),
    (
        "text: appended",
        "@{ var b = new StringBuilder(); while (true) { b.Append(\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"); } }",
    ),
    (
        "text: replaced",
        "@{ var s = new string('x', 60000); return s.Replace(\"x\", s).Length; }",
    ),
    (
        "regex: nested quantifiers",
        "@(Regex.IsMatch(new string('a', 40) + \"!\", \"^(a+)+$\"))",
    ),
    (
        "regex: alternatives that overlap",
        "@(Regex.IsMatch(new string('a', 5000) + \"!\", \"^(a|aa|a?b)*c$\"))",
    ),
    (
        "regex: a long text searched again",
        "@{ var s = new string('a', 100000); while (true) { if (Regex.IsMatch(s, \"[ab]+c\")) { return 1; } } }",
    ),
];

fn main() {
    // `cargo test --benches` only asks whether the bench starts.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let context = cases().remove(0).context;
    let own = filter.as_deref().filter(|f| f.starts_with('@'));
    let all: Vec<(&str, &str)> = match own {
        Some(text) => vec![("yours", text)],
        None => CASES.to_vec(),
    };
    for (name, text) in all {
        if own.is_none() && filter.as_ref().is_some_and(|f| !name.contains(f.as_str())) {
            continue;
        }
        let expr = compiled(text);
        let mut exchange = Exchange::new(&context);
        let mut least = f64::MAX;
        let mut outcome = String::new();
        for _ in 0..3 {
            let before = cpu();
            let result = expr.eval(&mut exchange);
            least = least.min((cpu() - before) / 1e6);
            outcome = match result {
                Ok(v) => format!("gave {}", v.to_text()),
                Err(e) => format!("{}: {}", e.exception, e.message),
            };
        }
        println!("{least:8.1}  {name:40} {outcome}");
    }
}

/// Nanoseconds that this thread has run.
fn cpu() -> f64 {
    let all = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    all.split_whitespace().next().unwrap().parse().unwrap()
}
