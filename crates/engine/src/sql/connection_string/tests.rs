//! Connection strings that are read, and those that are refused.

use super::*;
use arbtest::arbtest;

fn read(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn what_the_portal_gives_is_read() {
    let read = read(
        "Server=tcp:shop.database.windows.net,1433;Initial Catalog=shop;Persist Security Info=False;
         User ID=reader;Password=secret;MultipleActiveResultSets=False;Encrypt=True;TrustServerCertificate=False;Connection Timeout=20;",
    );
    assert_eq!(
        (&*read.host, read.port),
        ("shop.database.windows.net", 1433)
    );
    assert_eq!((&*read.database, &*read.user), ("shop", "reader"));
    assert_eq!(&**read.password.expose(), "secret");
    assert_eq!(read.encrypt, Encrypt::Mandatory);
    assert!(!read.trust_any_certificate && !read.identity);
    assert_eq!(read.connect_timeout, Duration::from_secs(20));
    assert_eq!(read.resource(), "https://database.windows.net/");
    assert!(!format!("{read:?}").contains("secret"));
}

#[test]
fn servers_are_hosts_and_ports() {
    for (server, host, port) in [
        ("a", "a", 1433),
        ("a,1444", "a", 1444),
        ("tcp:a , 1444", "a", 1444),
        ("TCP:10.0.0.1", "10.0.0.1", 1433),
        (r"a\inst,1500", "a", 1500),
        (r"a\MSSQLSERVER", "a", 1433),
        (".", "localhost", 1433),
        ("(local),5", "localhost", 5),
        ("[::1],1433", "::1", 1433),
    ] {
        let read = read(&format!("Server={server}"));
        assert_eq!((&*read.host, read.port), (host, port), "{server}");
    }
}

#[test]
fn quotes_blanks_and_synonyms_are_ado_nets() {
    for (text, password) in [
        ("pwd=a", "a"),
        ("PWD = a b ", "a b"),
        ("Password='a;b=c'", "a;b=c"),
        ("Password=\"it's \"\"x\"\"\"", "it's \"x\""),
        ("Password='it''s'", "it's"),
        ("Password=' a '", " a "),
        ("Password=a'b\"c", "a'b\"c"),
        ("Password=a=b==", "a=b=="),
        ("Password=x;Password=", "x"),
        ("Password=x;PWD=y", "y"),
    ] {
        let read = read(&format!("addr=h; {text} ;"));
        assert_eq!(&**read.password.expose(), password, "{text}");
    }
}

#[test]
fn settings_are_read() {
    let all = read(
        "Data Source=h;Database=d;UID=u;Encrypt=strict;Trust Server Certificate=yes;Host Name In Certificate=n;\
         Timeout=0;Command Timeout=7;Max Pool Size=3;Pooling=no;Load Balance Timeout=9;App=a;WSID=w;\
         ApplicationIntent=ReadOnly;Packet Size=4096;Network Library=DBMSSOCN;Context Connection=false;Min Pool Size=1",
    );
    let expected = ConnectionString {
        host: Arc::from("h"),
        database: Arc::from("d"),
        user: Arc::from("u"),
        encrypt: Encrypt::Strict,
        trust_any_certificate: true,
        certificate_host: Arc::from("n"),
        connect_timeout: LONGEST_WAIT,
        command_timeout: Duration::from_secs(7),
        max_pool_size: 3,
        pooling: false,
        lifetime: Duration::from_secs(9),
        application: Arc::from("a"),
        workstation: Arc::from("w"),
        read_only: true,
        packet_size: 4096,
        ..ConnectionString::default()
    };
    assert_eq!(all, expected);
    for (encrypt, expected) in [
        ("optional", Encrypt::Optional),
        ("False", Encrypt::Optional),
        ("Mandatory", Encrypt::Mandatory),
        ("yes", Encrypt::Mandatory),
    ] {
        let read = read(&format!("server=h;encrypt={encrypt}"));
        assert_eq!(read.encrypt, expected, "{encrypt}");
    }
    let identity = read("server=h;Authentication=ActiveDirectoryMSI;User Id=client");
    assert!(identity.identity);
    assert!(!read("server=h;Authentication=Sql Password").identity);
}

#[test]
fn faults_are_told_without_what_may_be_secret() {
    for (text, why) in [
        ("", "it has no `Server`"),
        ("Server=", "it has no `Server`"),
        ("Server=h;Password=SECRET;SECRET=1", "setting 3 is none"),
        ("Server=h;Password=a;SECRET", "setting 3 has no `=`"),
        (
            "Server=h;Password='SECRET",
            "a quote in setting 2 is not closed",
        ),
        ("Server=h;Password='a'SECRET", "setting 2 goes on behind"),
        ("Server=h;SEC\u{1}RET=1", "setting 2 has a control"),
        ("Server=h;Password=SEC\0RET", "setting 2 has a null"),
        ("Server=np:h", "over TCP"),
        (r"Server=\\h\pipe", "over TCP"),
        (r"Server=h\SECRET", "a named instance needs its port"),
        ("Server=h,0", "the port of `Server` is none"),
        ("Server=h,SECRET", "the port of `Server` is none"),
        ("Server=a/SECRET", "has no host that could be one"),
        ("Server=(localdb)\\x", "a local database"),
        ("Server=h;Integrated Security=true", "a Windows account"),
        ("Server=h;Trusted_Connection=SSPI", "a Windows account"),
        (
            "Server=h;Authentication=Active Directory Password",
            "`Authentication` must be",
        ),
        (
            "Server=h;Encrypt=SECRET",
            "`encrypt` must be `True` or `False`",
        ),
        ("Server=h;Timeout=-1", "`timeout` must be a number from 0"),
        (
            "Server=h;Packet Size=100",
            "`packetsize` must be a number from 512",
        ),
        (
            "Server=h;AttachDbFilename=x",
            "`attachdbfilename` cannot be used",
        ),
        ("Server=h;Net=dbnmpntw", "`net` must be `dbmssocn`"),
        ("Server=h;Application Intent=x", "must be `ReadOnly`"),
    ] {
        let fault = ConnectionString::parse(text).expect_err(text);
        assert!(fault.contains(why), "{text}: {fault}");
        assert!(!fault.contains("SECRET"), "{fault}");
    }
    let long = "x".repeat(129);
    let fault = ConnectionString::parse(&format!("Server=h;Password={long}")).unwrap_err();
    assert_eq!(fault, "`password` is longer than 128 characters");
    assert!(ConnectionString::parse(&"x".repeat(LONGEST + 1)).is_err());
}

#[test]
fn tokens_are_for_the_servers_cloud() {
    for (host, resource) in [
        ("a.database.windows.net", "https://database.windows.net/"),
        (
            "a.privatelink.Database.usgovcloudapi.net",
            "https://database.usgovcloudapi.net/",
        ),
        ("10.1.2.3", "https://database.windows.net/"),
    ] {
        assert_eq!(read(&format!("Server={host}")).resource(), resource);
    }
}

/// Any value comes back as it was when it is quoted as ADO.NET quotes.
#[test]
fn what_is_quoted_comes_back() {
    arbtest(|u| {
        let length = u.int_in_range(0..=40)?;
        let mut password = String::new();
        for _ in 0..length {
            let any: char = u.arbitrary()?;
            let plain = *u.choose(&['\'', '"', ';', '=', ' ', 'a', '{', '\n'])?;
            password.push(if u.ratio(1, 3)? { any } else { plain });
        }
        let password = password.replace('\0', "");
        let quote = *u.choose(&['\'', '"'])?;
        let doubled = password.replace(quote, &format!("{quote}{quote}"));
        let text = format!("Server=h;Password={quote}{doubled}{quote};Database=d");
        match ConnectionString::parse(&text) {
            Ok(read) => {
                let given = if password.is_empty() { "" } else { &password };
                assert_eq!(&**read.password.expose(), given);
                assert_eq!(&*read.database, "d");
            }
            Err(why) => assert!(why.contains("longer"), "{why}"),
        }
        Ok(())
    });
}
