//! What a template gets wrong, what it reads, and what bounds it.

use super::*;

fn faults(template: &str) -> Vec<String> {
    let (made, faults) = read(template);
    assert_eq!(made.is_none(), faults.iter().any(|f| !f.mild), "{template}");
    faults
        .iter()
        .map(|f| {
            let help = f.help.as_ref().map_or(String::new(), |h| format!(" ({h})"));
            format!(
                "{} {} `{}`{help}",
                f.code,
                f.message,
                &template[f.at.clone()]
            )
        })
        .collect()
}

#[test]
fn faults_have_their_place() {
    for (template, expected) in [
        (
            "a {{ b",
            "TG0520 the template's output has no end `{{` (a quote inside it must be closed too)",
        ),
        (
            "a {% if 'b %}",
            "TG0520 the template's tag has no end `{%` (a quote inside it must be closed too)",
        ),
        (
            "{% if true %}a",
            "TG0521 `{% if %}` is not closed `{% if true %}`",
        ),
        ("{% raw %}a", "TG0521 `{% raw %}` is not closed `{% raw %}`"),
        (
            "a{% endif %}",
            "TG0521 `{% endif %}` ends no `{% if %}` `{% endif %}`",
        ),
        (
            "a{% else %}",
            "TG0521 `{% else %}` stands in no block that it divides `{% else %}`",
        ),
        (
            "{% fr i in (1..2) %}",
            "TG0521 there is no tag `fr` `{% fr i in (1..2) %}` (did you mean `{% for %}`?)",
        ),
        ("{% %}", "TG0521 a tag has no name `{% %}`"),
        (
            "{% include 'x' %}",
            "TG0527 `{% include %}` reads other templates, and there are none `{% include 'x' %}`",
        ),
        (
            "{% assign %}",
            "TG0522 `{% assign %}` needs a name and a value ` `",
        ),
        (
            "{% capture %}{% endcapture %}",
            "TG0522 `{% capture %}` needs a name `{% capture %}`",
        ),
        (
            "{% for i of body %}{% endfor %}",
            "TG0522 `{% for %}` needs a name and what to go through `{% for i of body %}`",
        ),
        (
            "{% for i in body sorted %}{% endfor %}",
            "TG0522 a loop cannot have `sorted` `sorted`",
        ),
        (
            "{% for i in body cols:2 %}{% endfor %}",
            "TG0522 a loop cannot have `cols:2` `cols:2`",
        ),
        (
            "{% if body.a==1 %}{% endif %}",
            "TG0522 `body.a==1` is read as one name `body.a==1`",
        ),
        (
            "{% if body.a is 1 %}{% endif %}",
            "TG0522 there is no operator `is` `is`",
        ),
        (
            "{% if body.a == 1 2 %}{% endif %}",
            "TG0522 a condition compares two values `2`",
        ),
        ("{% if %}{% endif %}", "TG0522 a condition is missing ` `"),
        (
            "{% case %}{% endcase %}",
            "TG0522 `{% case %}` needs a value `{% case %}`",
        ),
        (
            "{% case body.a %}{% when %}{% endcase %}",
            "TG0522 `{% when %}` needs a value `{% when %}`",
        ),
        (
            "{% cycle %}",
            "TG0522 `{% cycle %}` needs values `{% cycle %}`",
        ),
        ("{{ ? }}", "TG0522 `?` is no value `?`"),
        (
            "{{ body.a | Append }}",
            "TG0523 the filter `Append` does not take 0 arguments `Append`",
        ),
        (
            "{{ body.a | Upcase: 1 }}",
            "TG0523 the filter `Upcase` does not take 1 arguments `Upcase`",
        ),
        (
            "{{ body.a | upcase }}",
            "TG0524 there is no filter `upcase`, and the value passes it as it is `upcase` (did you mean `Upcase`?)",
        ),
        (
            "{{ body.a | strip_html }}",
            "TG0524 there is no filter `strip_html`, and the value passes it as it is `strip_html` (did you mean `StripHtml`?)",
        ),
        (
            "{{ bdy.a }}",
            "TG0525 nothing in this template is called `bdy`, which is nil `bdy` (did you mean `body`?)",
        ),
        (
            "{{ my-setting }}",
            "TG0525 nothing in this template is called `my-setting`, which is nil `my-setting` (if it is a named value, add `my-setting` to the named values of the configuration)",
        ),
        (
            "{{ context.Request.Body }}",
            "TG0525 templates have no `context.Request.Body`, which is nil `Body`",
        ),
        (
            "{{ context.Request.Url['Hst'] }}",
            "TG0525 templates have no `context.Request.Url.Hst`, which is nil `['Hst']` (did you mean `Host`?)",
        ),
        (
            "{{ context.User.Id }}",
            "TG0525 templates have no `context.User`, which is nil `User`",
        ),
    ] {
        assert_eq!(faults(template), [expected], "{template}");
    }
    let nested = format!("{}{}", "{% if true %}".repeat(65), "{% endif %}".repeat(65));
    assert!(faults(&nested)[0].starts_with("TG0521") || faults(&nested)[0].starts_with("TG0526"));
    assert!(faults(&nested).iter().any(|f| f.starts_with("TG0526")));
    let deep = format!("{{{{ {}1{} }}}}", "(".repeat(5000), "..2)".repeat(5000));
    assert!(faults(&deep)[0].starts_with("TG0522 a value is nested too deeply"));
    assert_eq!(
        faults(
            "{% assign a = 1 %}{{ a }}{{ forloop.index }}{% for x in body %}{{ x }}{% endfor %}"
        ),
        [""; 0]
    );
}

#[test]
fn what_a_template_reads_is_known() {
    let reads = |template: &str| read(template).0.unwrap().reads(Message::Response);
    assert_eq!(reads("{{ context.Request.Method }}x"), Reads::default());
    assert!(reads("{% if true %}{% for x in body.a %}{% endfor %}{% endif %}").response_body);
    assert!(!reads("{{ 'body' }}").response_body);
    assert!(reads("{{ [context.Variables['x']] }}").response_body);
    assert!(reads("{{ context.Variables['x'] }}").variables);
    assert!(reads("{{ context.Response.StatusCode }}").response);
    let request = read("{{ body }}").0.unwrap().reads(Message::Request);
    assert!(request.request_body && !request.response_body);
}

#[test]
fn work_and_memory_are_bounded() {
    // With the small bounds of what is evaluated at load, which are soon reached.
    let mut host = exchange(&format!("[{}1]", "1,".repeat(300)));
    for template in [
        "{% for a in body %}{% for b in body %}{{ a }}{% endfor %}{% endfor %}",
        "{% for a in body %}{% if body contains 'x' %}{% endif %}{{ body | Size }}{% for b in body %}{% if body contains 2 %}x{% endif %}{% endfor %}{% endfor %}",
        "{% assign x = 'aaaaaaaaaaaaaaaa' %}{% for a in body %}{% assign x = x | Append: x %}{% endfor %}",
        "{% for a in body %}{% capture x %}{{ x }}{{ x }}a{% endcapture %}{% endfor %}",
        "{{ 'a' | Times: 2000000000 }}",
        "{% for a in body %}{% for b in body %}{% assign c = body | Sort | Uniq %}{% endfor %}{% endfor %}",
    ] {
        let (made, _) = read(template);
        let made = made.unwrap();
        let mut cx = Cx::folding(&mut host);
        let result = render::Renderer::new(&mut cx, &made, &JSON).whole();
        let why = EvalError::from(result.unwrap_err()).exception;
        assert!(
            why == "System.TimeoutException" || why == "System.OutOfMemoryException",
            "{template}: {why}"
        );
    }
}

#[test]
fn any_template_is_read_and_rendered_without_harm() {
    arbtest::arbtest(|u| {
        let pieces = [
            "{{",
            "}}",
            "{%",
            "%}",
            "-",
            " ",
            "|",
            ":",
            ",",
            ".",
            "'",
            "\"",
            "[",
            "]",
            "(",
            "..",
            ")",
            "body",
            "context",
            "x",
            "for",
            "in",
            "if",
            "endif",
            "endfor",
            "JSONArrayFor",
            "endJSONArrayFor",
            "else",
            "case",
            "when",
            "assign",
            "=",
            "==",
            "contains",
            "Upcase",
            "Slice",
            "Sort",
            "Split",
            "Date",
            "Truncate",
            "1",
            "-3",
            "2.5",
            "\n",
            "\u{e9}",
            "raw",
            "endraw",
            "cycle",
            "limit",
            "offset",
            "tablerow",
        ];
        let mut template = String::new();
        for _ in 0..u.int_in_range(0..=40)? {
            template.push_str(u.choose(&pieces)?);
        }
        crate::fuzz::liquid_template(template.as_bytes());
        Ok(())
    })
    .size_max(2_000);
}
