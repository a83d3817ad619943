//! The signature of Standard Webhooks: the specification's own example.

use super::*;

#[test]
fn the_specifications_example() {
    let message = Message {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        at: 1_614_265_330,
        content_type: "application/json",
        body: r#"{"test": 2432232314}"#,
    };
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    assert_eq!(
        signature(&secret, &message),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
    let other = Secret::new("a plain secret");
    assert_ne!(signature(&other, &message), signature(&secret, &message));
}
