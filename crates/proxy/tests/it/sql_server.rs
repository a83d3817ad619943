//! `sql-data-source` against a scripted SQL Server: logins, encryption, statements, rows of every type, pools, and faults.

use crate::support::*;
use std::sync::Arc;
use tollgate_engine::definition::{Definition, GraphQlDefinition, PolicyText, ResolverDefinition};
use tollgate_lang::FileId;
use tollgate_testkit::sql_server::{
    Cell, Column, Encryption, Options, Reply, SqlServer, Statement, Table,
};

fn text(text: String) -> PolicyText {
    PolicyText {
        file: FileId(0),
        text: Arc::from(text),
    }
}

/// A document of a resolver; `string` stands behind the server's name.
fn document(server: &SqlServer, string: &str, request: &str) -> String {
    let port = server.address().port();
    format!(
        "<sql-data-source><connection-info><connection-string>Server=tcp:localhost,{port};{string}</connection-string></connection-info>{request}</sql-data-source>"
    )
}

const LOGIN: &str = "Initial Catalog=shop;User ID=reader;Password='p;w=1';Application Name=test;";

const ONE: &str =
    "<request single-result=\"true\"><sql-statement>SELECT 1 AS id</sql-statement></request>";

/// A GraphQL API with these resolvers of the query type.
fn api(schema: &str, resolvers: &[(&str, String)]) -> Definition {
    let mut definition = definition("http://127.0.0.1:1", None);
    let resolvers = resolvers
        .iter()
        .map(|(field, document)| ResolverDefinition {
            span: None,
            id: Arc::from(*field),
            type_name: Arc::from("Query"),
            field: Arc::from(*field),
            policy: text(document.clone()),
        });
    definition.apis[0].graphql = Some(Box::new(GraphQlDefinition {
        schema: Some(text(schema.to_owned())),
        resolvers: resolvers.collect(),
    }));
    definition
}

async fn ask(running: &Running, query: &str) -> String {
    let mut wire = running.connect().await;
    let answer = soon(wire.call(&request(query))).await;
    assert_eq!(status(&answer), 200);
    body(&answer).to_owned()
}

fn request(query: &str) -> String {
    let query = serde_json::json!({ "query": query }).to_string();
    format!(
        "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{query}",
        query.len()
    )
}

const ROW: &str = "type Query { a: Row } type Row { id: Int }";

fn one(_: &Statement) -> Reply {
    Reply::Results(vec![Table::new(
        &[("id", Column::Int)],
        vec![vec![Cell::Number(1)]],
    )])
}

#[tokio::test]
async fn each_encryption_logs_in_and_answers() {
    for (encryption, string, secure) in [
        (Encryption::NotSupported, "Encrypt=False", false),
        (Encryption::On, "Encrypt=False", true),
        (
            Encryption::On,
            "Encrypt=True;TrustServerCertificate=True",
            true,
        ),
        (
            Encryption::Strict,
            "Encrypt=Strict;TrustServerCertificate=True",
            true,
        ),
    ] {
        let options = Options {
            encryption,
            ..Options::default()
        };
        let server = SqlServer::start(options, one).await.unwrap();
        let document = document(&server, &format!("{LOGIN}{string}"), ONE);
        let running = start(api(ROW, &[("a", document)]), |_| ());
        assert_eq!(
            ask(&running, "{ a { id } }").await,
            r#"{"data":{"a":{"id":1}}}"#,
            "{encryption:?} {string}"
        );
        let login = server.seen(|seen| seen.logins[0].clone());
        assert_eq!((&*login.user, &*login.password), ("reader", "p;w=1"));
        assert_eq!((&*login.database, &*login.application), ("shop", "test"));
        assert_eq!(login.secure, secure);
    }
}

#[tokio::test]
async fn nobody_is_told_the_password_who_is_not_who_he_should_be() {
    for (encryption, string) in [
        // Nobody signed the certificate; there is no encryption; a host of another name.
        (Encryption::On, "Encrypt=True"),
        (Encryption::Strict, "Encrypt=Strict"),
        (
            Encryption::NotSupported,
            "Encrypt=True;TrustServerCertificate=True",
        ),
    ] {
        let options = Options {
            encryption,
            ..Options::default()
        };
        let server = SqlServer::start(options, one).await.unwrap();
        let document = document(&server, &format!("{LOGIN}{string}"), ONE);
        let running = start(api(ROW, &[("a", document)]), |_| ());
        let answer = ask(&running, "{ a { id } }").await;
        assert!(answer.contains("The resolver failed."), "{answer}");
        assert!(server.seen(|seen| seen.logins.is_empty()), "{string}");
    }
}

#[tokio::test]
async fn a_statement_has_its_parameters_and_every_type_becomes_json() {
    let columns = [
        ("bit", Column::Bit, Cell::Number(1)),
        ("tinyint", Column::TinyInt, Cell::Number(255)),
        ("smallint", Column::SmallInt, Cell::Number(-5)),
        ("int", Column::Int, Cell::Number(-70000)),
        (
            "bigint",
            Column::BigInt,
            Cell::Number(9_007_199_254_740_993),
        ),
        ("real", Column::Real, Cell::Float(0.5)),
        ("float", Column::Float, Cell::Float(-1.25e10)),
        ("money", Column::Money, Cell::Number(-123_456_789_012)),
        ("smallmoney", Column::SmallMoney, Cell::Number(12_500)),
        ("decimal", Column::Decimal(3), Cell::Number(-1_230)),
        (
            "datetime",
            Column::DateTime,
            Cell::Moment(45_349, 12_960_000),
        ),
        (
            "smalldatetime",
            Column::SmallDateTime,
            Cell::Moment(45_349, 61),
        ),
        ("date", Column::Date, Cell::Moment(738_944, 0)),
        ("time", Column::Time(3), Cell::Moment(0, 3_600_500)),
        (
            "datetime2",
            Column::DateTime2(7),
            Cell::Moment(738_944, 12_345_678),
        ),
        (
            "datetimeoffset",
            Column::DateTimeOffset(0),
            Cell::Offset(738_944, 82_800, 90),
        ),
        (
            "uniqueidentifier",
            Column::UniqueIdentifier,
            Cell::Bytes(vec![
                0x6f, 0x96, 0x19, 0xff, 0x8b, 0x86, 0xd0, 0x11, 0xb4, 0x2d, 0, 0xc0, 0x4f, 0xc9,
                0x64, 0xff,
            ]),
        ),
        (
            "nvarchar",
            Column::NVarChar,
            Cell::Text(String::from("gr\u{fc}n \"x\" \u{1f600}")),
        ),
        (
            "nvarcharmax",
            Column::NVarCharMax,
            Cell::Text("long ".repeat(3000)),
        ),
        (
            "varchar",
            Column::VarChar,
            Cell::Text(String::from("caf\u{e9}")),
        ),
        ("varbinary", Column::VarBinary, Cell::Bytes(vec![0, 1, 2])),
        ("varbinarymax", Column::VarBinaryMax, Cell::Bytes(vec![])),
        ("xml", Column::Xml, Cell::Text(String::from("<a>1</a>"))),
        ("text", Column::Text, Cell::Text(String::from("old"))),
        (
            "ntext",
            Column::NText,
            Cell::Text(String::from("\u{e4}lter")),
        ),
        ("image", Column::Image, Cell::Bytes(vec![255])),
        ("variant", Column::SqlVariant, Cell::Number(42)),
    ];
    let described: Vec<(&str, Column)> = columns.iter().map(|(n, c, _)| (*n, *c)).collect();
    let values: Vec<Cell> = columns.iter().map(|(_, _, cell)| cell.clone()).collect();
    let nulls = vec![Cell::Null; columns.len()];
    let table = Table::new(&described, vec![values, nulls]);
    let server = SqlServer::start(Options::default(), move |_| {
        // An INSERT's count and another result come before the last.
        let before = Table::new(&[("never", Column::Int)], vec![vec![Cell::Number(0)]]);
        Reply::Results(vec![Table::default(), before, table.clone()])
    })
    .await
    .unwrap();
    let request = "<request><sql-statement>
            INSERT INTO x VALUES (@id); SELECT * FROM x WHERE name = @name
        </sql-statement><parameters>
            <parameter name=\"@id\">@(context.GraphQL.Arguments[\"id\"])</parameter>
            <parameter name=\"@name\">O'Hara; DROP TABLE x --</parameter>
            <parameter name=\"@long\" sql-type=\"nvarchar\">@(new string('x', 5000))</parameter>
            <parameter name=\"@price\" sql-type=\"decimal(10,2)\">-12.30</parameter>
            <parameter name=\"@at\" sql-type=\"datetime2\">2024-02-29T00:00:01.2345678</parameter>
            <parameter name=\"@zone\" sql-type=\"datetimeoffset\">2024-03-01T00:30:00+01:30</parameter>
            <parameter name=\"@day\" sql-type=\"date\">2024-02-29</parameter>
            <parameter name=\"@time\" sql-type=\"time\">00:00:01</parameter>
            <parameter name=\"@guid\" sql-type=\"uniqueidentifier\">6F9619FF-8B86-D011-B42D-00C04FC964FF</parameter>
            <parameter name=\"@blob\" sql-type=\"varbinary\">AAEC</parameter>
            <parameter name=\"@noblob\" sql-type=\"varbinary\">@((string)null)</parameter>
            <parameter name=\"@none\">@((string)null)</parameter>
            <parameter name=\"@bit\" sql-type=\"bit\">1</parameter>
            <parameter name=\"@tiny\" sql-type=\"tinyint\">200</parameter>
            <parameter name=\"@small\" sql-type=\"smallint\">-2</parameter>
            <parameter name=\"@big\" sql-type=\"bigint\">-5000000000</parameter>
            <parameter name=\"@real\" sql-type=\"real\">0.5</parameter>
            <parameter name=\"@float\" sql-type=\"float\">-0.25</parameter>
        </parameters></request>
        <response><set-body>@(new JObject(new JProperty(\"text\", context.Response.Body.As<string>())).ToString())</set-body></response>";
    let document = document(&server, &format!("{LOGIN}Encrypt=False"), request);
    let schema = "type Query { a(id: Int): Whole } type Whole { text: String }";
    let running = start(api(schema, &[("a", document)]), |_| ());
    let answer = ask(&running, "{ a(id: 7) { text } }").await;
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let text = answer["data"]["a"]["text"].as_str();
    let text = text.unwrap_or_else(|| panic!("{answer}"));
    let rows = text.strip_prefix("{\"items\":[").unwrap();
    let (first, second) = rows.strip_suffix("]}").unwrap().split_once("},").unwrap();
    let long = "long ".repeat(3000);
    assert_eq!(
        first,
        format!(
            "{{\"bit\":true,\"tinyint\":255,\"smallint\":-5,\"int\":-70000,\"bigint\":9007199254740993,\"real\":0.5,\"float\":-12500000000.0,\"money\":-12345678.9012,\"smallmoney\":1.2500,\"decimal\":-1.230,\"datetime\":\"2024-02-29T12:00:00\",\"smalldatetime\":\"2024-02-29T01:01:00\",\"date\":\"2024-02-29\",\"time\":\"01:00:00.5\",\"datetime2\":\"2024-02-29T00:00:01.2345678\",\"datetimeoffset\":\"2024-03-01T00:30:00+01:30\",\"uniqueidentifier\":\"6f9619ff-8b86-d011-b42d-00c04fc964ff\",\"nvarchar\":\"gr\u{fc}n \\\"x\\\" \u{1f600}\",\"nvarcharmax\":\"{long}\",\"varchar\":\"caf\u{e9}\",\"varbinary\":\"AAEC\",\"varbinarymax\":\"\",\"xml\":\"<a>1</a>\",\"text\":\"old\",\"ntext\":\"\u{e4}lter\",\"image\":\"/w==\",\"variant\":42"
        )
    );
    let nulls: serde_json::Value = serde_json::from_str(second).unwrap();
    let nulls = nulls.as_object().unwrap();
    assert_eq!(nulls.len(), columns.len());
    assert!(nulls.values().all(serde_json::Value::is_null), "{nulls:?}");

    let seen = server.seen(|seen| seen.statements[0].clone());
    assert_eq!(
        seen.text,
        "INSERT INTO x VALUES (@id); SELECT * FROM x WHERE name = @name"
    );
    assert_eq!(
        seen.declarations,
        "@id int, @name nvarchar(4000), @long nvarchar(max), @price decimal(10,2), @at datetime2, @zone datetimeoffset, @day date, @time time, @guid uniqueidentifier, @blob varbinary(8000), @noblob varbinary(8000), @none nvarchar(4000), @bit bit, @tiny tinyint, @small smallint, @big bigint, @real real, @float float"
    );
    let long = "x".repeat(5000);
    let parameters: Vec<(&str, &str, Option<&str>)> = seen
        .parameters
        .iter()
        .map(|p| (&*p.name, p.ty, p.value.as_deref()))
        .collect();
    assert_eq!(
        parameters,
        [
            ("@id", "int", Some("7")),
            ("@name", "nvarchar", Some("O'Hara; DROP TABLE x --")),
            ("@long", "nvarchar", Some(&*long)),
            ("@price", "decimal", Some("-1230e-2")),
            // 12345678 ticks and day 738944, little endian.
            ("@at", "datetime2", Some("4e61bc000080460b of scale 7")),
            (
                "@zone",
                "datetimeoffset",
                Some("0058a5c8c080460b5a00 of scale 7")
            ),
            ("@day", "date", Some("738944")),
            ("@time", "time", Some("8096980000 of scale 7")),
            (
                "@guid",
                "uniqueidentifier",
                Some("ff19966f868b11d0b42d00c04fc964ff")
            ),
            ("@blob", "varbinary", Some("000102")),
            ("@noblob", "null", None),
            ("@none", "null", None),
            ("@bit", "bit", Some("1")),
            ("@tiny", "tinyint", Some("200")),
            ("@small", "smallint", Some("-2")),
            ("@big", "bigint", Some("-5000000000")),
            ("@real", "real", Some("0.5")),
            ("@float", "float", Some("-0.25")),
        ]
    );
}

#[tokio::test]
async fn connections_are_kept_and_begin_anew_and_broken_ones_are_not() {
    let server = SqlServer::start(Options::default(), |statement| {
        match statement.text.as_str() {
            "BROKEN" => Reply::Error(
                vec![Table::new(
                    &[("id", Column::Int)],
                    vec![vec![Cell::Number(3)]],
                )],
                208,
                16,
                String::from("Invalid object name 'x'."),
            ),
            "CLOSED" => Reply::Close,
            "GARBAGE" => Reply::Raw(vec![0x42; 40]),
            _ => one(statement),
        }
    })
    .await
    .unwrap();
    let of = |statement: &str| {
        let request = ONE.replace("SELECT 1 AS id", statement);
        document(&server, &format!("{LOGIN}Encrypt=False"), &request)
    };
    let schema = "type Query { a: Row broken: Row closed: Row garbage: Row } type Row { id: Int }";
    let resolvers = [
        ("a", of("SELECT 1 AS id")),
        ("broken", of("BROKEN")),
        ("closed", of("CLOSED")),
        ("garbage", of("GARBAGE")),
    ];
    let running = start(api(schema, &resolvers), |_| ());
    for _ in 0..3 {
        assert_eq!(
            ask(&running, "{ a { id } }").await,
            r#"{"data":{"a":{"id":1}}}"#
        );
    }
    // One connection, whose session begins anew with each statement after the first.
    assert_eq!(server.seen(|seen| seen.logins.len()), 1);
    let resets: Vec<bool> = server.seen(|seen| seen.statements.iter().map(|s| s.resets).collect());
    assert_eq!(resets, [false, true, true]);
    for (at, field) in ["broken", "closed", "garbage"].into_iter().enumerate() {
        let answer = ask(&running, &format!("{{ {field} {{ id }} }}")).await;
        assert!(answer.contains("The resolver failed."), "{answer}");
        // What failed was closed; the next opens another.
        assert_eq!(
            ask(&running, "{ a { id } }").await,
            r#"{"data":{"a":{"id":1}}}"#
        );
        assert_eq!(server.seen(|seen| seen.logins.len()), at + 2, "{field}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_or_never_says_is_an_error_in_time() {
    let server = SqlServer::start(Options::default(), |_| Reply::Silence)
        .await
        .unwrap();
    let late = document(
        &server,
        &format!("{LOGIN}Encrypt=False;Command Timeout=1"),
        ONE,
    );
    let wrong = document(&server, "User ID=reader;Password=x;Encrypt=False", ONE);
    let full = document(
        &server,
        &format!("{LOGIN}Encrypt=False;Max Pool Size=1;Connect Timeout=1;Command Timeout=3"),
        ONE,
    );
    let schema = "type Query { late: Row wrong: Row full: Row again: Row } type Row { id: Int }";
    let resolvers = [
        ("late", late),
        ("wrong", wrong),
        ("full", full.clone()),
        ("again", full),
    ];
    let running = start(api(schema, &resolvers), |_| ());
    for query in ["{ late { id } }", "{ wrong { id } }"] {
        let answer = ask(&running, query).await;
        assert!(answer.contains("The resolver failed."), "{answer}");
    }
    assert_eq!(server.seen(|seen| seen.statements.len()), 1);
    // Two that want the one connection there may be: one waits for it in vain.
    let answer = ask(&running, "{ full { id } again { id } }").await;
    assert_eq!(
        answer.matches("The resolver failed.").count(),
        2,
        "{answer}"
    );
    assert_eq!(server.seen(|seen| seen.statements.len()), 2);
    until(|| server.open() == 0).await;
}

#[tokio::test]
async fn a_caller_that_leaves_ends_its_statement() {
    let server = SqlServer::start(Options::default(), |_| Reply::Silence)
        .await
        .unwrap();
    let document = document(&server, &format!("{LOGIN}Encrypt=False"), ONE);
    let running = start(api(ROW, &[("a", document)]), |_| ());
    let mut wire = running.connect().await;
    wire.send(&request("{ a { id } }")).await;
    until(|| server.seen(|seen| seen.statements.len()) == 1).await;
    assert_eq!(server.open(), 1);
    drop(wire);
    until(|| server.open() == 0).await;
}

#[tokio::test]
async fn rows_beyond_the_bound_are_an_error() {
    let rows: Vec<Vec<Cell>> = (0..2000)
        .map(|n| vec![Cell::Number(n), Cell::Text("x".repeat(1000))])
        .collect();
    let table = Table::new(&[("id", Column::Int), ("filler", Column::NVarChar)], rows);
    let server = SqlServer::start(Options::default(), move |statement| {
        match statement.text.as_str() {
            "HUGE" => Reply::Results(vec![Table::new(
                &[("id", Column::NVarCharMax)],
                vec![vec![Cell::Text("y".repeat(3 << 20))]],
            )]),
            _ => Reply::Results(vec![table.clone()]),
        }
    })
    .await
    .unwrap();
    let all = document(
        &server,
        &format!("{LOGIN}Encrypt=False"),
        &ONE.replace(" single-result=\"true\"", ""),
    );
    let first = document(&server, &format!("{LOGIN}Encrypt=False"), ONE);
    let huge = document(
        &server,
        &format!("{LOGIN}Encrypt=False"),
        &ONE.replace("SELECT 1 AS id", "HUGE"),
    );
    let schema = "type Query { all: [Row] first: Row huge: Row } type Row { id: Int }";
    let mut definition = api(schema, &[("all", all), ("first", first), ("huge", huge)]);
    definition.gateway.max_buffered_body = 100_000;
    let running = start(definition, |_| ());
    for query in ["{ all { id } }", "{ huge { id } }"] {
        let answer = ask(&running, query).await;
        assert!(answer.contains("The resolver failed."), "{answer}");
    }
    // What is read is bounded too: 2000 rows of 2 KB are more than a hundred kilobytes allow.
    let answer = ask(&running, "{ first { id } }").await;
    assert!(answer.contains("The resolver failed."), "{answer}");
}

#[tokio::test]
async fn a_server_may_send_the_gateway_on_once() {
    let end = SqlServer::start(Options::default(), one).await.unwrap();
    let options = Options {
        route: Some((String::from("localhost"), end.address().port())),
        ..Options::default()
    };
    let front = SqlServer::start(options, |_| Reply::Silence).await.unwrap();
    let document = document(&front, &format!("{LOGIN}Encrypt=False"), ONE);
    let running = start(api(ROW, &[("a", document)]), |_| ());
    assert_eq!(
        ask(&running, "{ a { id } }").await,
        r#"{"data":{"a":{"id":1}}}"#
    );
    assert_eq!(front.seen(|seen| seen.statements.len()), 0);
    assert_eq!(end.seen(|seen| seen.logins.len()), 1);
}

/// Another client's view of the scripted server, where Python has one: a mistake on both of our sides would go unseen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_client_understands_the_scripted_server() {
    const CLIENT: &str = r#"
import sys, uuid, datetime, decimal, pytds
strict = {"cafile": sys.argv[2], "validate_host": False} if sys.argv[2] else {}
with pytds.connect(dsn="127.0.0.1", port=int(sys.argv[1]), database="shop", user="reader", password="p;w=1",
                   autocommit=True, login_timeout=10, timeout=10, **strict) as connection:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ROW")
        row = cursor.fetchone()
        assert row == (
            True, -5, 2**40, 0.5, decimal.Decimal("-12345678.9012"), decimal.Decimal("-1.230"),
            datetime.datetime(2024, 2, 29, 12, 0), datetime.date(2024, 2, 29), datetime.time(1, 0, 0, 500000),
            uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"), "gr\u00fcn", "long " * 3000, b"\x00\x01", None, 42,
        ), row
        cursor.execute("SELECT %s AS a", (7,))
        assert cursor.fetchone()[0] == True
        try:
            cursor.execute("FAIL")
            raise SystemExit("no error")
        except pytds.Error as error:
            assert "Invalid object" in str(error), error
"#;
    let has = std::process::Command::new("python3")
        .args(["-c", "import pytds, OpenSSL"])
        .output();
    if !has.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: python3 has no pytds with pyOpenSSL");
        return;
    }
    for encryption in [Encryption::NotSupported, Encryption::On] {
        let options = Options {
            encryption,
            ..Options::default()
        };
        let server = SqlServer::start(options, |statement| match statement.text.as_str() {
            "SELECT ROW" => Reply::Results(vec![Table::new(
                &[
                    ("bit", Column::Bit),
                    ("smallint", Column::SmallInt),
                    ("bigint", Column::BigInt),
                    ("real", Column::Real),
                    ("money", Column::Money),
                    ("decimal", Column::Decimal(3)),
                    ("datetime", Column::DateTime),
                    ("date", Column::Date),
                    ("time", Column::Time(3)),
                    ("guid", Column::UniqueIdentifier),
                    ("nvarchar", Column::NVarChar),
                    ("max", Column::NVarCharMax),
                    ("varbinary", Column::VarBinary),
                    ("null", Column::Int),
                    ("variant", Column::SqlVariant),
                ],
                vec![vec![
                    Cell::Number(1),
                    Cell::Number(-5),
                    Cell::Number(1 << 40),
                    Cell::Float(0.5),
                    Cell::Number(-123_456_789_012),
                    Cell::Number(-1_230),
                    Cell::Moment(45_349, 12_960_000),
                    Cell::Moment(738_944, 0),
                    Cell::Moment(0, 3_600_500),
                    Cell::Bytes(vec![
                        0x6f, 0x96, 0x19, 0xff, 0x8b, 0x86, 0xd0, 0x11, 0xb4, 0x2d, 0, 0xc0, 0x4f,
                        0xc9, 0x64, 0xff,
                    ]),
                    Cell::Text(String::from("gr\u{fc}n")),
                    Cell::Text("long ".repeat(3000)),
                    Cell::Bytes(vec![0, 1]),
                    Cell::Null,
                    Cell::Number(42),
                ]],
            )]),
            "FAIL" => Reply::Error(vec![], 208, 16, String::from("Invalid object name 'x'.")),
            text if text.starts_with("SELECT @") => Reply::Results(vec![Table::new(
                &[("a", Column::Bit)],
                vec![vec![Cell::Number(i128::from(
                    statement.parameters[0].value.as_deref() == Some("7"),
                ))]],
            )]),
            // What a client sets before it begins.
            _ => Reply::Results(vec![]),
        })
        .await
        .unwrap();
        let file =
            std::env::temp_dir().join(format!("tollgate-sql-{}.pem", server.address().port()));
        std::fs::write(&file, server.certificates().authority_pem()).unwrap();
        let authority = match encryption {
            Encryption::On => file.to_str().unwrap(),
            _ => "",
        };
        let port = server.address().port().to_string();
        let client = tokio::process::Command::new("python3")
            .args(["-c", CLIENT, &port, authority])
            .kill_on_drop(true)
            .output();
        let output = soon(client).await.unwrap();
        std::fs::remove_file(&file).unwrap();
        assert!(
            output.status.success(),
            "{encryption:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(server.seen(|seen| seen.logins[0].secure == (encryption == Encryption::On)));
    }
}
