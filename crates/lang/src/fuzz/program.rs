//! Makes well-typed C# of bytes, for the target that evaluates it.
//!
//! What must stay true: it always ends (bytes that run out count as zeros, depth is bounded), and what it makes loops
//! seldom long, so that most of it runs to its end.

/// Deepest nest of an expression.
const DEPTH: u32 = 5;

/// Bytes being turned into a program.
pub(super) struct Program<'d> {
    data: &'d [u8],
    out: String,
    depth: u32,
    /// Variables in scope: of `int`, of `string`.
    ints: u32,
    texts: u32,
}

/// A multi-statement expression.
pub(super) fn program(data: &[u8]) -> String {
    let mut p = Program {
        data,
        out: String::from("string s = null; int k = 0; "),
        depth: 0,
        ints: 0,
        texts: 0,
    };
    let statements = p.pick(5);
    for _ in 0..statements {
        p.statement();
    }
    p.out.push_str("return ");
    match p.pick(4) {
        0 => p.int(),
        1 => p.test(),
        2 => p.token(),
        _ => p.text(),
    }
    p.out.push(';');
    p.out
}

impl Program<'_> {
    fn pick(&mut self, n: u8) -> u8 {
        match self.data.split_first() {
            Some((first, rest)) => {
                self.data = rest;
                first % n
            }
            None => 0,
        }
    }

    /// Writes a template: `i`, `s`, `b`, `l`, `t` after a `$` stand for expressions of those types.
    fn put(&mut self, template: &str) {
        if self.depth >= DEPTH {
            // Only leaves have no holes.
            self.out.push_str("default");
            return;
        }
        self.depth += 1;
        let mut parts = template.split('$');
        self.out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let mut rest = part.chars();
            match rest.next() {
                Some('i') => self.int(),
                Some('s') => self.text(),
                Some('b') => self.test(),
                Some('l') => self.list(),
                Some('t') => self.token(),
                // An interpolated text.
                _ => {
                    self.out.push('$');
                    self.out.push_str(part);
                    continue;
                }
            }
            self.out.push_str(rest.as_str());
        }
        self.depth -= 1;
    }

    fn one_of(&mut self, leaves: &[&str], templates: &[&str]) {
        let deep = self.depth + 1 >= DEPTH;
        let n = if deep {
            leaves.len()
        } else {
            leaves.len() + templates.len()
        };
        let at = usize::from(self.pick(n as u8));
        match leaves.get(at) {
            Some(leaf) => self.out.push_str(leaf),
            None => self.put(templates.get(at - leaves.len()).copied().unwrap_or("1")),
        }
    }

    fn int(&mut self) {
        if self.ints > 0 && self.pick(3) == 0 {
            let n = u32::from(self.pick(self.ints.min(200) as u8));
            self.out.push_str(&format!("i{n}"));
            return;
        }
        self.one_of(
            &[
                "0",
                "1",
                "-1",
                "7",
                "int.MaxValue",
                "int.MinValue",
                "(int)'x'",
            ],
            &[
                "($i + $i)",
                "($i * $i)",
                "($i / $i)",
                "($i % $i)",
                "($i << 3)",
                "$s.Length",
                "$s.IndexOf($s)",
                "$l.Count()",
                "($b ? $i : $i)",
                "Math.Abs($i)",
                "Math.Min($i, $i)",
                "int.Parse($s)",
                "$s.CompareTo($s)",
                "(int)($t)",
                "$s.GetHashCode()",
                "checked($i + $i)",
                "context.Variables.GetValueOrDefault<int>(\"n\", $i)",
                "context.Response.StatusCode",
                "$l.Select(x => x.Length).DefaultIfEmpty(1).Sum()",
                "unchecked($i - $i)",
                "$s[$i]",
            ],
        );
    }

    fn text(&mut self) {
        if self.texts > 0 && self.pick(3) == 0 {
            let n = u32::from(self.pick(self.texts.min(200) as u8));
            self.out.push_str(&format!("s{n}"));
            return;
        }
        self.one_of(
            &[
                "\"\"",
                "\"a\"",
                "\"A,b,c\"",
                "\"\u{e9}\u{1f600}\"",
                "string.Empty",
                "\"{\\\"a\\\":[1,2]}\"",
                "context.Request.Method",
                "(context.User?.Id)",
                "\"12\"",
                "\"0\"",
            ],
            &[
                "($s + $s)",
                "$s.ToUpper()",
                "$s.Trim()",
                "$s.Substring($i)",
                "$s.Substring($i, $i)",
                "$s.Replace($s, $s)",
                "$s.PadLeft($i & 63)",
                "$s.Insert($i, $s)",
                "$s.Remove($i)",
                "string.Join($s, $l)",
                "($i).ToString()",
                "($s ?? $s)",
                "($b ? $s : $s)",
                "$l.First()",
                "$l.FirstOrDefault()",
                "$\"{$s}-{$i,5}\"",
                "string.Format(\"{0:x}|{1}\", $i, $s)",
                "(string)($t)",
                "($t).ToString()",
                "string.Concat($s, $s)",
                "Convert.ToBase64String(Encoding.UTF8.GetBytes($s))",
                "context.Request.Headers.GetValueOrDefault($s, $s)",
                "context.Request.Headers.GetValueOrDefault(\"x-a\", \"\")",
                "(string)context.Variables[\"t\"]",
                "Regex.Replace($s, \"a|b\", $s)",
            ],
        );
    }

    fn test(&mut self) {
        self.one_of(
            &["true", "false"],
            &[
                "($i < $i)",
                "($i == $i)",
                "($s == $s)",
                "($s != null)",
                "$s.Contains($s)",
                "$s.StartsWith($s)",
                "string.IsNullOrEmpty($s)",
                "($b && $b)",
                "($b || $b)",
                "!$b",
                "$l.Any()",
                "$l.Contains($s)",
                "($s == \"a\")",
                "($i >= 1)",
                "context.Variables.ContainsKey(\"t\")",
                "($t) is JObject",
                "(context.User?.Id == \"u\")",
                "bool.Parse($s)",
            ],
        );
    }

    fn list(&mut self) {
        self.one_of(
            &["new string[0]", "new[] { \"a\", \"b\" }"],
            &[
                "$s.Split(',')",
                "$l.Where(x => x.Length > $i)",
                "$l.OrderBy(x => x)",
                "$l.Select(x => x + $s)",
                "$l.Take($i)",
                "$l.Skip($i)",
                "$l.Concat($l)",
                "$l.Distinct()",
                "$l.Reverse()",
                "new List<string> { $s, $s }",
                "$l.ToList()",
                "$l.GroupBy(x => x.Length).Select(g => g.First())",
            ],
        );
    }

    fn token(&mut self) {
        self.one_of(
            &[
                "JToken.Parse(\"{\\\"a\\\":[1,2]}\")",
                "new JObject()",
                "new JArray(1, 2)",
                "(JToken)1",
                "context.Request.Body.As<JToken>(true)",
            ],
            &[
                "JToken.Parse($s)",
                "new JObject(new JProperty($s, $i))",
                "new JArray($l)",
                "($t)[\"a\"]",
                "($t)[0]",
                "($t).SelectToken($s)",
                "($t).DeepClone()",
                "(JToken)$s",
                "($b ? $t : $t)",
            ],
        );
    }

    fn statement(&mut self) {
        match self.pick(6) {
            0 => {
                self.out.push_str(&format!("int i{} = ", self.ints));
                self.int();
                self.ints += 1;
                self.out.push(';');
            }
            1 if self.ints > 0 => {
                self.out.push_str("i0 = ");
                self.int();
                self.out.push(';');
            }
            2 => {
                self.out.push_str("try { s = ");
                self.text();
                self.out
                    .push_str("; } catch (Exception e) { s = e.Message; } finally { k++; }");
                // `s` and `k` are declared in front of everything.
            }
            3 => {
                self.out.push_str("foreach (var x in ");
                self.list();
                self.out.push_str(") { s += x; if (");
                self.test();
                self.out.push_str(") { break; } }");
            }
            4 => {
                self.out.push_str("for (var q = 0; q < 3; q++) { k += ");
                self.int();
                self.out.push_str("; }");
            }
            _ => {
                self.out.push_str(&format!("string s{} = ", self.texts));
                self.text();
                self.texts += 1;
                self.out.push(';');
            }
        }
    }
}
