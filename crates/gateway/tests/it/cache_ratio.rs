//! The described load test: a pool of semantically similar prompts, asked steadily, is answered from the cache for the
//! most part once the cache is warm. Counted in calls, not seconds.

use crate::scene::*;
use tollgate_testkit::load::Load;

const GOVERNED: &str = include_str!("../documents/governed.xml");

/// What teams ask about.
const TOPICS: [&str; 8] = [
    "the capital of France",
    "password reset",
    "quarterly sales figures",
    "vacation policy",
    "kubernetes ingress",
    "invoice approval",
    "database backup",
    "printer drivers",
];
/// How they put it.
const WAYS: [&str; 5] = [
    "What is {}?",
    "Please tell me about {}.",
    "Can you explain {} to me?",
    "I would like to know more about {}.",
    "How would you describe {}?",
];
/// Now and then somebody asks what nobody has asked before.
const OTHERS: usize = 10;
const CONNECTIONS: usize = 4;
const WARM_UP: usize = 100;
const MEASURED: usize = 300;

fn prompt(call: usize) -> String {
    if call.is_multiple_of(OTHERS) {
        // Words of no language, so that no two of them are near.
        let word = |salt: usize| {
            let mut seed = (call * 31 + salt).wrapping_mul(2_654_435_761) % 4_294_967_291;
            let mut letter = || {
                seed = seed * 48_271 % 2_147_483_647;
                char::from(b'a' + u8::try_from(seed % 26).unwrap())
            };
            (0..9).map(|_| letter()).collect::<String>()
        };
        return format!("{} {} {}", word(1), word(2), word(3));
    }
    let topic = TOPICS[call * 7 % TOPICS.len()];
    WAYS[call * 3 % WAYS.len()].replace("{}", topic)
}

/// Makes one team's calls.
async fn drive(scene: &Scene, from: usize, calls: usize) {
    let load = Load::new(scene.gateway, CONNECTIONS, calls, move |call| {
        chat(KEY_A, &ask(&prompt(from + call)))
    });
    let report = load.run().await;
    assert_eq!(report.statuses.get(&200), Some(&calls), "{report:?}");
}

#[tokio::test]
async fn a_warm_cache_answers_similar_prompts() {
    let scene = Scene::start(Setting::new(GOVERNED)).await;
    let reached = |scene: &Scene| {
        let usage = scene.simulator.usage();
        usage
            .requests
            .iter()
            .filter(|r| r.operation == "chat")
            .count()
    };
    drive(&scene, 0, WARM_UP).await;
    let before = reached(&scene);
    drive(&scene, WARM_UP, MEASURED).await;
    // What the provider did not see came from the cache.
    let misses = reached(&scene) - before;
    let hits = MEASURED - misses;
    println!(
        "{hits} hits, {misses} misses, {:.1}%",
        100.0 * hits as f64 / MEASURED as f64
    );
    assert!(hits * 100 > MEASURED * 30, "{hits} hits, {misses} misses");
    // A cache that hit whatever is asked would do no better than one that is broken.
    assert!(
        misses >= MEASURED / OTHERS / 2,
        "{hits} hits, {misses} misses"
    );
}
