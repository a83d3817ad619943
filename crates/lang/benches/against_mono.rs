//! The 100 most frequent expressions of public documents, evaluated here and in Mono. Run with `cargo bench -p tollgate-lang`.
//!
//! The C# side is made of the same expressions, compiled with `mcs -optimize+` and run by `mono` in a process of its own:
//! warm, compiled by its JIT, with the same contexts. Both sides are timed in one run, in turns; the numbers are medians.
//! What an expression refers to is lent (`Expr::lend`), as C# gives a reference: nobody takes a share of it on either side.
//! Without Mono, or after `-- --ours`, only our side is printed. Needs what `mcs` and `libnewtonsoft-json5.0-cil` of Debian install.
#![allow(missing_docs, clippy::unwrap_used)]

mod exchange;

use exchange::{Case, Exchange, cases, code, compiled};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tollgate_lang::expr::Expr;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each side runs each expression for so long.
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(4);
/// How long Mono runs before it is timed, for its JIT and its collector.
const WARM_UP: Duration = Duration::from_millis(40);

fn main() {
    // `cargo test --benches` only asks whether the bench starts.
    if std::env::args().any(|a| a == "--test") {
        return;
    }
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    let cases: Vec<Case> = cases()
        .into_iter()
        .filter(|c| filter.as_ref().is_none_or(|f| c.text.contains(f.as_str())))
        .collect();
    let mut mono = if std::env::args().any(|a| a == "--ours") {
        Err("not asked for".into())
    } else {
        Mono::start(&cases)
    };
    if let Err(why) = &mono {
        println!("without Mono: {why}");
    }
    println!("{:>9} {:>9} {:>6}", "ours ns", "Mono ns", "ratio");
    let mut ratios = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        let expr = compiled(&case.text);
        let mut exchange = Exchange::new(&case.context);
        if let Err(e) = expr.eval(&mut exchange) {
            panic!("{}\n{e:?}", case.text);
        }
        let ours = Side::of(|n| here(&expr, &mut exchange, n), Duration::ZERO);
        let shown: String = case.text.chars().take(110).collect();
        match &mut mono {
            Ok(mono) => {
                let theirs = Side::of(|n| mono.run(i, n), WARM_UP);
                let (mut a, mut b) = (Vec::new(), Vec::new());
                for _ in 0..ROUNDS {
                    a.push(per_one(here(&expr, &mut exchange, ours.count), ours.count));
                    b.push(per_one(mono.run(i, theirs.count), theirs.count));
                }
                let (a, b) = (median(&mut a), median(&mut b));
                ratios.push(a / b);
                println!("{a:9.1} {b:9.1} {:6.2}  {shown}", a / b);
            }
            Err(_) => {
                let mut a: Vec<f64> = (0..ROUNDS)
                    .map(|_| per_one(here(&expr, &mut exchange, ours.count), ours.count))
                    .collect();
                println!("{:9.1} {:>9} {:>6}  {shown}", median(&mut a), "-", "-");
            }
        }
    }
    if !ratios.is_empty() {
        let worst = ratios.iter().copied().fold(0.0, f64::max);
        println!(
            "{} expressions: median ratio {:.2}, worst {worst:.2}",
            ratios.len(),
            median(&mut ratios)
        );
    }
}

fn here(expr: &Expr, exchange: &mut Exchange, count: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..count {
        black_box(expr.lend(black_box(exchange)).is_ok());
    }
    start.elapsed()
}

/// How many evaluations make a round.
struct Side {
    count: u64,
}

impl Side {
    fn of(mut run: impl FnMut(u64) -> Duration, warm_up: Duration) -> Side {
        let mut count = 16;
        let mut spent = Duration::ZERO;
        loop {
            let took = run(count);
            spent += took;
            if took >= ROUND && spent >= warm_up {
                return Side { count };
            }
            if took < ROUND {
                count *= 2;
            }
        }
    }
}

fn per_one(took: Duration, count: u64) -> f64 {
    took.as_nanos() as f64 / count as f64
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// The C# side.
struct Mono {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Drop for Mono {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const USING: &str = "using System; using System.Collections.Generic; using System.Linq; using System.Net; using System.Text;
using System.Text.RegularExpressions; using Newtonsoft.Json; using Newtonsoft.Json.Linq;\n";

impl Mono {
    fn start(cases: &[Case]) -> Result<Mono, String> {
        let library = newtonsoft().ok_or("Newtonsoft.Json.dll is not installed")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("against_mono");
        std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
        let mut program =
            format!("{USING}public static class Program {{\n#pragma warning disable\n");
        let mut contexts = String::new();
        for (i, case) in cases.iter().enumerate() {
            let (code, multi) = code(&case.text);
            let body = if multi {
                code.to_string()
            } else {
                format!("return ({code});")
            };
            let _ = writeln!(program, "static object E{i}(IContext context) {{ {body} }}");
            let _ = writeln!(contexts, "{}", case.context);
        }
        let names: Vec<String> = (0..cases.len()).map(|i| format!("E{i}")).collect();
        let _ = writeln!(
            program,
            "public static void Main(string[] a) {{
                System.Threading.Thread.CurrentThread.CurrentCulture = System.Globalization.CultureInfo.InvariantCulture;
                Loop.Run(new Func<IContext, object>[] {{ {} }}, a[0]);
            }} }}",
            names.join(", ")
        );
        let file = |name: &str| folder.join(name);
        std::fs::write(file("Program.cs"), program).map_err(|e| e.to_string())?;
        std::fs::write(file("contexts.jsonl"), contexts).map_err(|e| e.to_string())?;
        std::fs::copy(&library, file("Newtonsoft.Json.dll")).map_err(|e| e.to_string())?;
        let made = Command::new("mcs")
            .args([
                "-optimize+",
                "-langversion:7",
                "-out:program.exe",
                "Program.cs",
            ])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/against_mono/Exchange.cs"))
            .args([
                "-r:Newtonsoft.Json.dll",
                "-r:System.Core",
                "-r:System.Xml",
                "-r:System.Numerics",
            ])
            .current_dir(&folder)
            .output()
            .map_err(|e| format!("mcs: {e}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let mut process = Command::new("mono")
            .args(["program.exe", "contexts.jsonl"])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("mono: {e}"))?;
        let to = process.stdin.take().ok_or("no way in")?;
        let from = BufReader::new(process.stdout.take().ok_or("no way out")?);
        Ok(Mono { process, to, from })
    }

    /// Time for so many evaluations.
    fn run(&mut self, case: usize, count: u64) -> Duration {
        writeln!(self.to, "{case} {count}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let nanos = line.trim().parse();
        Duration::from_nanos(nanos.unwrap_or_else(|_| panic!("case {case}: Mono ended")))
    }
}

/// Where Debian puts Json.NET.
fn newtonsoft() -> Option<PathBuf> {
    let mut folders = vec![
        PathBuf::from("/usr/lib/mono/gac/Newtonsoft.Json"),
        PathBuf::from("/usr/lib/cli"),
    ];
    while let Some(folder) = folders.pop() {
        let file = folder.join("Newtonsoft.Json.dll");
        if file.is_file() {
            return Some(file);
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    None
}
