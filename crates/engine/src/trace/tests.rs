//! Traces: the canary that no secret may pass, and the printed form.

use crate::fixture::{self, Setup, Watch};
use crate::trace::{Recorder, Trace, text};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    static TRACES: RefCell<Vec<Trace>> = const { RefCell::new(Vec::new()) };
}

/// Plays a fixture and gives the traces of its requests.
fn play(text: &str) -> Vec<Trace> {
    let setup = Setup {
        watch: Some(Watch(Arc::new(|| {
            Rc::new(Recorder::new(|trace| {
                TRACES.with_borrow_mut(|all| all.push(trace));
            }))
        }))),
        ..Setup::default()
    };
    for outcome in fixture::run(text, &setup) {
        assert!(outcome.fault.is_none(), "{:?}", outcome.fault);
    }
    TRACES.take()
}

/// Everything secret that a request can meet has `canary` in it; no trace has.
#[test]
fn no_secret_is_in_a_trace() {
    let traces = play(
        r##"
-- config
secret hush: canary-named-value
secret basic: canary-password
backend b: http://b.test
backend b header x-custom: canary-backend-header
backend b query code: canary-backend-query
backend b authorization: Custom canary-backend-authorization
identity https://resource.test: canary-managed-identity
authorization provider stored: canary-stored-connection {"scope":"x"}
subscription other: canary-subscription-key all
-- policy.xml
<policies>
<inbound>
  <set-variable name="plain" value="{{hush}}" />
  <set-variable name="computed" value="@("{{hush}}" + "!")" />
  <set-variable name="encoded" value="@(Convert.ToBase64String(Encoding.UTF8.GetBytes("u:{{hush}}")))" />
  <set-variable name="part" value="@("{{hush}}".Substring(0, 9))" />
  <set-variable name="key" value="@(context.Subscription.Key + context.Subscription.PrimaryKey)" />
  <set-variable name="caller" value="@(context.Request.Headers.GetValueOrDefault("Authorization", ""))" />
  <set-variable name="token" value="@(context.Request.Headers.GetValueOrDefault("Authorization", "").Split(' ')[1])" />
  <set-variable name="cookie" value="@(context.Request.Headers.GetValueOrDefault("Cookie", ""))" />
  <set-variable name="all" value="@(string.Join(";", context.Request.Headers.Select(h => h.Key + "=" + string.Join(",", h.Value))))" />
  <authentication-managed-identity resource="https://resource.test" output-token-variable-name="msi" />
  <get-authorization-context provider-id="provider" authorization-id="stored" context-variable-name="auth" />
  <set-variable name="auth-token" value="@(((Authorization)context.Variables["auth"]).AccessToken)" />
  <send-request response-variable-name="answer"><set-url>http://side.test/?client_secret={{hush}}</set-url><set-header name="api-key"><value>{{hush}}</value></set-header></send-request>
  <set-variable name="answered" value="@(((IResponse)context.Variables["answer"]).Body.As<string>())" />
  <set-header name="x-api-key"><value>@(context.Subscription.Key)</value></set-header>
  <trace source="t" severity="error"><message>@("say {{hush}}")</message><metadata name="password" value="{{basic}}" /></trace>
  <cache-store-value key="k-{{hush}}" value="1" duration="10" />
  <rate-limit-by-key calls="10" renewal-period="60" counter-key="@(context.Subscription.Key)" />
  <authentication-basic username="u" password="{{basic}}" />
  <set-backend-service backend-id="b" />
</inbound>
<backend><forward-request /></backend>
<outbound>
  <set-body>@("body with {{hush}} and " + context.Response.Headers.GetValueOrDefault("set-cookie", ""))</set-body>
  <choose><when condition="@("{{hush}}".Length == 18)"><set-variable name="fails" value="@(int.Parse("{{hush}}"))" /></when></choose>
</outbound>
</policies>
-- upstream side.test 200 always

{"access_token": "canary-in-the-answer", "expires_in": 5}
-- upstream b.test 200 always
set-cookie: session=canary-upstream-cookie; Path=/
-- send POST /p?subscription-key=canary-subscription-key&sig=canary-sig without key
Authorization: Bearer canary-bearer-token
Cookie: a=canary-cookie-value; b=2
Ocp-Apim-Subscription-Key: canary-subscription-key
X-Functions-Key: canary-functions-key

client_secret=canary-form
-- expect 500
"##,
    );
    assert_eq!(traces.len(), 1);
    for trace in &traces {
        let json = trace.json();
        let shown = text::write(trace, false);
        for line in json.lines().chain(shown.lines()) {
            // What the document says of a part of the secret is known to be secret too.
            assert!(!line.contains("canary"), "{line}");
            assert!(!line.contains("Y2FuYXJ5"), "Base64: {line}");
        }
        assert!(json.contains("forward-request") && json.contains("***"));
    }
}

#[test]
fn a_trace_for_people() {
    let traces = play(
        r#"
-- config
backend a: http://a.test
backend b: http://b.test
pool p: a priority 1, b priority 2
-- fragment shared
<fragment>
  <set-variable name="n" value="@(1 + context.Request.Url.Path.Length)" />
</fragment>
-- policy.xml
<policies>
<inbound>
  <base />
  <rate-limit-by-key calls="5" renewal-period="60" counter-key="k" />
  <cache-lookup-value key="x" variable-name="cached" />
  <include-fragment fragment-id="shared" />
  <choose>
    <when condition="@(context.Request.Method == "POST")"><set-method>PUT</set-method></when>
    <otherwise><set-variable name="n" value="@("now a text")" /></otherwise>
  </choose>
  <set-backend-service backend-id="p" />
</inbound>
<backend><retry condition="@(context.Response.StatusCode == 503)" count="1" interval="2"><forward-request /></retry></backend>
<outbound><set-header name="a"><value>@(((string)null).Length.ToString())</value></set-header></outbound>
</policies>
-- upstream 503
-- upstream 200 in 30ms
-- send GET /abc
-- expect 500
"#,
    );
    expect_test::expect![[r#"
        GET https://gateway.test/abc
          host: gateway.test
          ocp-apim-subscription-key: ***
          api api, operation operation, product product, subscription sub
        inbound of api api           0 us  policy.xml:2:2
          inbound of global          0 us
          rate-limit-by-key          0 us  policy.xml:4:4
            counter key k: 0 -> 1 of 5, 4 left
          cache-lookup-value         0 us  policy.xml:5:4
            cache miss: x
          include-fragment           0 us  policy.xml:6:4
            set-variable             0 us  fragment shared:2:4
              @(1 + context.Request.Url.Path.Length)
                = 5 (int)
              variable n = 5 (int)
          choose                     0 us  policy.xml:7:4
            @(context.Request.Method == "POST")
              = False (bool)
            -> otherwise             0 us  policy.xml:9:6
              set-variable           0 us  policy.xml:9:17
                @("now a text")
                  = "now a text"
                variable n = "now a text" (was 5 (int))
          set-backend-service        0 us  policy.xml:11:4
        backend of api api      2030.0 ms  policy.xml:13:2
          retry                 2030.0 ms  policy.xml:13:11
            attempt 1
            forward-request          0 us  policy.xml:13:91
              backend a at http://a.test
                not b: its priority is 2, and one of priority 1 is available
              sends GET http://a.test/abc
                host: a.test
                x-forwarded-for: 192.0.2.1
              got 503 Service Unavailable
                content-length: 0
            @(context.Response.StatusCode == 503)
              = True (bool)
            attempt 2
            forward-request       30.0 ms  policy.xml:13:91
              backend b at http://b.test
                not a: this request has failed at it
              sends GET http://b.test/abc
                host: b.test
                x-forwarded-for: 192.0.2.1
              got 200 OK
                content-length: 0
        outbound of api api          0 us  policy.xml:14:2
          set-header -> failed       0 us  policy.xml:14:12
            @(((string)null).Length.ToString())
              throws System.NullReferenceException: Object reference not set to an instance of an object.
        set-header failed: ExpressionValueEvaluationFailure: Expression evaluation failed. Object reference not set to an instance of an object.
        on-error of global           0 us
        answer 500 Internal Server Error
          content-type: application/json
          tollgate-request-id: 00000000-0000-0000-0000-000000000001
          { "statusCode": 500, "message": "Internal server error", "activityId": "00000000-0000-0000-0000-000000000001" }
        answered after 2030.0 ms, request 00000000-0000-0000-0000-000000000001
    "#]].assert_eq(&text::write(&traces[0], false));
}
