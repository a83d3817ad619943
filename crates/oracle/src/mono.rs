//! A batch of expressions through Mono: C# source, one compiler run, one process.
//!
//! Used by `golden` and `campaign`. What must stay true: a case that does not compile, does not end or kills the process
//! costs no other case its outcome.

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tollgate_lang::expr::catalog;

const HARNESS: [(&str, &str); 2] = [
    ("Context.cs", include_str!("../harness/Context.cs")),
    ("Harness.cs", include_str!("../harness/Harness.cs")),
];

/// What expressions may use without a namespace: those of API Management, and those of every type that we have.
fn using() -> String {
    let mut names: BTreeSet<String> = [
        "System",
        "System.Collections",
        "System.Collections.Generic",
        "System.Globalization",
        "System.IO",
        "System.Linq",
        "System.Net",
        "System.Text",
    ]
    .map(String::from)
    .into();
    for of in catalog::types() {
        if let Some((namespace, _)) = of.full_name.rsplit_once('.') {
            names.insert(namespace.to_string());
        }
    }
    // A nested type's outer type is not a namespace.
    names.retain(|n| n != "System.TimeZoneInfo");
    let mut out: String = names.iter().map(|n| format!("using {n}; ")).collect();
    out += "using Formatting = Newtonsoft.Json.Formatting; ";
    out += "using Authorization = Microsoft.Azure.ApiManagement.Authorization;";
    out
}

const REFERENCES: [&str; 6] = [
    "System.Core",
    "System.Xml",
    "System.Xml.Linq",
    "System.Web",
    "System.Numerics",
    "System.Security",
];

/// Most times that a batch is compiled again without what was refused, and started again behind what ended it.
const MAX_ROUNDS: usize = 200;

/// Seconds that a case may take in Mono, and when it is tried again alone.
const TIME: u32 = 8;
const TIME_ALONE: u32 = 60;

/// Codes of the compiler's parser.
const SYNTAX: [&str; 13] = [
    "CS1001", "CS1002", "CS1003", "CS1026", "CS1031", "CS1041", "CS1056", "CS1513", "CS1514",
    "CS1519", "CS1525", "CS0742", "CS8025",
];

fn syntax(fault: &str) -> bool {
    SYNTAX.iter().any(|code| fault.starts_with(code))
}

/// An expression and the context it runs in.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) expression: String,
    pub(crate) context: Json,
}

/// The tools, and a folder to work in.
pub(crate) struct Mono {
    folder: PathBuf,
    /// Bound of the heap, as Mono writes it.
    heap: Option<&'static str>,
}

/// Where Debian's packages put Json.NET.
fn newtonsoft() -> Option<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/usr/lib/mono/gac/Newtonsoft.Json"),
        PathBuf::from("/usr/lib/cli"),
    ];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.ends_with("Newtonsoft.Json.dll") {
                return Some(path);
            }
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    None
}

impl Mono {
    /// Compiles the stand-in of `context`.
    pub(crate) fn prepare(folder: &Path, heap: Option<&'static str>) -> Result<Mono> {
        let json = newtonsoft().context(
            "Newtonsoft.Json.dll is missing: `cargo xtask oracle` installs what is needed, or install \
             libnewtonsoft-json5.0-cil",
        )?;
        std::fs::create_dir_all(folder)?;
        let mono = Mono {
            folder: folder.to_path_buf(),
            heap,
        };
        std::fs::copy(json, folder.join("Newtonsoft.Json.dll"))?;
        let mut sources = Vec::new();
        for (name, text) in HARNESS {
            std::fs::write(folder.join(name), text)?;
            sources.push(name.to_string());
        }
        let refused = mono.compile("harness.dll", &sources)?;
        if !refused.is_empty() {
            bail!("the harness does not compile: {refused}");
        }
        Ok(mono)
    }

    /// Runs the compiler; what it printed when it refused.
    fn compile(&self, out: &str, sources: &[String]) -> Result<String> {
        let mut command = Command::new("mcs");
        command
            .current_dir(&self.folder)
            .args(["-langversion:7", "-warn:0", "-nowarn:0162,0219,0168,1998"])
            .arg(format!("-out:{out}"))
            .args(sources)
            .arg("-r:Newtonsoft.Json.dll");
        if out.ends_with(".dll") {
            command.arg("-target:library");
        } else {
            command.arg("-r:harness.dll");
        }
        command.args(REFERENCES.map(|r| format!("-r:{r}")));
        let ran = command
            .stdin(Stdio::null())
            .output()
            .context("mcs cannot be run: install mono-mcs")?;
        if ran.status.success() {
            return Ok(String::new());
        }
        Ok(format!(
            "{}{}",
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr)
        ))
    }

    /// What each case comes to, in order: an outcome of `tollgate_lang::expr::outcome`, or `{"lost": reason}`.
    pub(crate) fn run(&self, cases: &[Case]) -> Result<Vec<Json>> {
        let mut out: BTreeMap<usize, Json> = BTreeMap::new();
        let mut todo: Vec<usize> = Vec::new();
        let mut apart: Vec<usize> = Vec::new();
        for (i, case) in cases.iter().enumerate() {
            match body(&case.expression) {
                Some(_) => todo.push(i),
                None => {
                    out.insert(i, json!({"compile_error": "not an expression"}));
                }
            }
        }
        for round in 0.. {
            if todo.is_empty() {
                break;
            }
            std::fs::write(self.folder.join("batch.cs"), source(cases, &todo))?;
            let refused = self.compile("batch.exe", &["batch.cs".into()])?;
            if refused.is_empty() {
                break;
            }
            let mut faults = faults(&refused);
            if let Some(i) = fatal(&refused).filter(|i| faults.is_empty() && todo.contains(i)) {
                faults.insert(i, "Internal compiler error".to_string());
            }
            if faults.is_empty() {
                let i = self.silent(cases, &todo)?;
                faults.insert(i, "Internal compiler error: refused without a fault".into());
            }
            if round == MAX_ROUNDS {
                bail!("the compiler failed: {}", start(&refused, 2000));
            }
            // What is no syntax makes the cases behind it look wrong: only one is to blame for the first of them.
            let first = faults.iter().find(|(_, why)| syntax(why)).map(|(i, _)| *i);
            if let Some(i) = first {
                let why = faults.get(&i).cloned().unwrap_or_default();
                let blamed = self.blamed(cases, &todo, i)?;
                let wrong = &cases[blamed].expression;
                for t in todo.extract_if(.., |t| cases[*t].expression == *wrong) {
                    if blamed == i {
                        out.insert(t, json!({"compile_error": why}));
                    } else {
                        apart.push(t);
                    }
                }
                continue;
            }
            // Cases of one expression share what is compiled, and what is wrong with it.
            let wrong: HashMap<&str, &String> = faults
                .iter()
                .map(|(i, why)| (&*cases[*i].expression, why))
                .collect();
            todo.retain(|t| {
                let why = wrong.get(&*cases[*t].expression);
                if let Some(why) = why {
                    out.insert(*t, json!({"compile_error": why}));
                }
                why.is_none()
            });
        }
        self.execute(cases, todo, &mut out, TIME)?;
        // On a busy machine, or behind a case that took all memory, one may fail that does not alone.
        let lost: Vec<usize> = out
            .iter()
            .filter(|(_, o)| o.get("lost").is_some())
            .map(|(i, _)| *i)
            .collect();
        for i in lost {
            let mut again = BTreeMap::new();
            self.execute(cases, vec![i], &mut again, TIME_ALONE)?;
            out.extend(again);
        }
        for i in apart {
            out.extend(self.run(&cases[i..=i])?.into_iter().map(|o| (i, o)));
        }
        let lost = || json!({"lost": "not reached"});
        Ok((0..cases.len())
            .map(|i| out.remove(&i).unwrap_or_else(lost))
            .collect())
    }

    /// The case that makes the parser stumble at case `at`: this one, or the last one before it without which it is read.
    /// A case that is not closed goes on in those behind it; and Mono's parser may keep what it was in behind some good
    /// ones, so that `descending` of a query far behind is a word without meaning. Such a case is measured apart.
    fn blamed(&self, cases: &[Case], todo: &[usize], at: usize) -> Result<usize> {
        let end = todo.partition_point(|t| *t <= at);
        // From where on it stumbles still, and from where on it does not any more.
        let (mut stumbles, mut reads) = (0, end);
        while reads - stumbles > 1 {
            let middle = if reads == end {
                // Most are wrong by themselves.
                end - 1
            } else {
                usize::midpoint(stumbles, reads)
            };
            std::fs::write(
                self.folder.join("alone.cs"),
                source(cases, &todo[middle..end]),
            )?;
            let refused = self.compile("alone.exe", &["alone.cs".into()])?;
            let again = faults(&refused).get(&at).is_some_and(|why| syntax(why));
            if again {
                stumbles = middle;
            } else {
                reads = middle;
            }
        }
        Ok(todo[stumbles])
    }

    /// The case that the compiler refuses without saying anything, which keeps it from naming others behind it: the last
    /// of the fewest from the first on that it refuses.
    fn silent(&self, cases: &[Case], todo: &[usize]) -> Result<usize> {
        let (mut taken, mut refused) = (0, todo.len());
        while refused - taken > 1 {
            let middle = usize::midpoint(taken, refused);
            std::fs::write(self.folder.join("alone.cs"), source(cases, &todo[..middle]))?;
            if self.compile("alone.exe", &["alone.cs".into()])?.is_empty() {
                taken = middle;
            } else {
                refused = middle;
            }
        }
        Ok(todo[refused - 1])
    }

    /// Runs the compiled batch, again behind each case that ends the process.
    fn execute(
        &self,
        cases: &[Case],
        mut todo: Vec<usize>,
        out: &mut BTreeMap<usize, Json>,
        seconds: u32,
    ) -> Result<()> {
        for _ in 0..MAX_ROUNDS {
            if todo.is_empty() {
                return Ok(());
            }
            let mut feed = String::new();
            for i in &todo {
                let context = match &cases[*i].context {
                    Json::Null => json!({}),
                    c => c.clone(),
                };
                writeln!(feed, "{i}\t{context}")?;
            }
            std::fs::write(self.folder.join("feed.txt"), feed)?;
            let ran = Command::new("mono")
                .current_dir(&self.folder)
                .args(["batch.exe", "feed.txt"])
                .env("ORACLE_SECONDS", seconds.to_string())
                .env("TZ", "UTC")
                .env("LANG", "C.UTF-8")
                .env("MONO_GC_PARAMS", self.heap.unwrap_or(""))
                .stdin(Stdio::null())
                .output()
                .context("mono cannot be run: install mono-runtime")?;
            let mut started = BTreeSet::new();
            for line in String::from_utf8_lossy(&ran.stdout).lines() {
                let Ok(mut said) = serde_json::from_str::<Json>(line) else {
                    continue;
                };
                if let Some(i) = said["start"].as_u64() {
                    started.insert(i as usize);
                } else if let Some(i) = said["case"].as_u64() {
                    if let Some(o) = said.as_object_mut() {
                        o.remove("case");
                    }
                    out.insert(i as usize, said);
                }
            }
            if started.is_empty() {
                let said = String::from_utf8_lossy(&ran.stderr).into_owned();
                bail!("the batch does not start: {}", start(&said, 2000));
            }
            for i in &started {
                let why = if ran.status.code() == Some(3) {
                    format!("no end within {seconds} s")
                } else {
                    let said = String::from_utf8_lossy(&ran.stdout);
                    let assertion = said.lines().find(|l| l.contains("* Assertion"));
                    format!("the process ended: {}", assertion.unwrap_or("").trim())
                };
                out.entry(*i).or_insert_with(|| json!({"lost": why}));
            }
            todo.retain(|i| !started.contains(i));
        }
        Ok(())
    }
}

/// The method body of an expression.
fn body(expression: &str) -> Option<String> {
    let e = expression.trim();
    if let Some(single) = e.strip_prefix("@(").and_then(|e| e.strip_suffix(')')) {
        return Some(format!("return ({single});"));
    }
    e.strip_prefix("@{")
        .and_then(|e| e.strip_suffix('}'))
        .map(str::to_string)
}

fn source(cases: &[Case], todo: &[usize]) -> String {
    let mut out = format!("{}\npublic static class Program {{\n", using());
    // The first case of each expression, which the others of it share.
    let mut first: HashMap<&str, usize> = HashMap::new();
    for i in todo {
        if *first.entry(&cases[*i].expression).or_insert(*i) != *i {
            continue;
        }
        let body = body(&cases[*i].expression).unwrap_or_default();
        // Faults name the case as their file.
        out +=
            &format!("#line 1 \"case{i}\"\nstatic object E{i}(IContext context) {{ {body}\n}}\n");
    }
    out += "#line 1 \"main\"\npublic static void Main(string[] args) {\n";
    out += &format!(
        "var all = new Func<IContext, object>[{}];\n",
        todo.last().map_or(0, |i| i + 1)
    );
    for i in todo {
        let method = first.get(&*cases[*i].expression).unwrap_or(i);
        out += &format!("all[{i}] = E{method};\n");
    }
    out += "Harness.Main(args[0], all);\n} }\n";
    out
}

/// The case that ends the compiler with a trace of its own.
fn fatal(printed: &str) -> Option<usize> {
    let (_, rest) = printed.split_once("InternalErrorException: case")?;
    rest.split('(').next()?.parse().ok()
}

/// The first fault of each case.
fn faults(printed: &str) -> BTreeMap<usize, String> {
    let mut out = BTreeMap::new();
    for line in printed.lines() {
        let Some((place, fault)) = line.split_once(": error ") else {
            continue;
        };
        let digits = place
            .rfind("case")
            .map(|at| &place[at + 4..])
            .and_then(|rest| rest.split('(').next());
        if let Some(Ok(i)) = digits.map(str::parse) {
            out.entry(i).or_insert_with(|| fault.to_string());
        }
    }
    out
}

/// The first `n` characters.
pub(crate) fn start(text: &str, n: usize) -> &str {
    text.char_indices()
        .nth(n)
        .map_or(text, |(at, _)| &text[..at])
}

/// The members that expressions of the catalog may use and Mono's class library is known to have or not is settled by
/// its compiler; this only names them for reports: `Type.Member`.
pub(crate) fn label(entry: &catalog::TypeEntry, member: &catalog::MemberEntry) -> String {
    use catalog::MemberKind as K;
    let name = match member.kind {
        K::Constructor => "new".to_string(),
        K::Index | K::SetIndex => "this[]".to_string(),
        K::Implicit | K::Explicit => "cast".to_string(),
        K::Operator => format!("operator {}", member.name),
        _ => member.name.to_string(),
    };
    format!("{}.{name}", entry.name)
}
