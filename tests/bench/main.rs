//! How much of the machine's speed is left: ratios against a bare handler and a bare insert loop, measured in one run.
//!
//! `cargo bench --bench usher`, or some themes alone: `… -- lists`. With `million` the lists are those of a million users too,
//! which takes minutes and two gigabytes.
//!
//! Nothing is asserted; absolute numbers belong to the machine, ratios to the code. Rounds are interleaved, so that whatever else
//! the machine does hits all sides; the median round counts. Clients and servers share the process and its cores, over real sockets
//! with keep-alive.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

mod client;
mod floor;
mod lists;
mod stage;

use std::time::Duration;

use client::{drive, request};
use stage::Stage;

/// What can be asked for alone.
const THEMES: [&str; 2] = ["speed", "lists"];
/// Interleaved rounds, each of this length a side.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(1);
/// Members of the groups that one member joins and leaves.
const SIZES: [usize; 3] = [10, 1_000, 100_000];

#[tokio::main]
async fn main() {
    let named: Vec<String> = std::env::args().skip(1).collect();
    let is_named = |word: &str| named.iter().any(|name| name == word);
    let is_wanted = |theme: &str| is_named(theme) || !THEMES.iter().any(|theme| is_named(theme));
    if is_wanted("speed") {
        let stage = Stage::start(*SIZES.iter().max().unwrap_or(&0)).await;
        reads(&stage).await;
        writes(&stage).await;
        members(&stage).await;
        println!("\nidle   {:>8} KiB resident in a fresh `usher serve`", stage::idle_kib());
    }
    if is_wanted("lists") {
        let most = if is_named("million") { 3 } else { 2 };
        lists::lists(&[1_000, 100_000, 1_000_000][..most]).await;
    }
}

/// A look-up against the bytes it answers, served by a handler that does nothing else, in the same accept loop.
async fn reads(stage: &Stage) {
    let id = stage.users[stage.users.len() / 2];
    let by_id = format!("{}/Users/{id}", stage.path);
    let by_name = format!("{}/Users?filter=userName%20eq%20%22user{}%40acme.test%22", stage.path, stage.users.len() / 2);
    println!("reads, 16 connections, {} users          bare/s   usher/s   ratio", stage.users.len());
    for (what, path) in [("GET by id", by_id), ("userName eq", by_name)] {
        let wanted = request("GET", &path, &stage.token, None);
        let bytes = client::body(stage.address, &wanted).await;
        let bare = stage::bare(bytes).await;
        let (mut bares, mut ushers) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bares.push(drive(bare, 16, ROUND, |_| wanted.clone()).await);
            ushers.push(drive(stage.address, 16, ROUND, |_| wanted.clone()).await);
        }
        row(what, median(bares), median(ushers));
    }
}

/// Durable creates against a loop of bare inserts: the same tables, indexes, document size and synchronous setting.
async fn writes(stage: &Stage) {
    println!("\nPOST /Users, durable; loop: 16 rows a commit    loop/s   usher/s   ratio");
    let mut floor = floor::Floor::new();
    for connections in [1, 16, 64] {
        let (mut loops, mut ushers) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floor = tokio::task::spawn_blocking(move || {
                let rate = floor.run(ROUND);
                (floor, rate)
            })
            .await
            .map(|(floor, rate)| {
                loops.push(rate);
                floor
            })
            .expect("the loop ends");
            let make = |_| request("POST", &format!("{}/Users", stage.path), &stage.token, Some(&stage.fresh_user()));
            ushers.push(drive(stage.address, connections, ROUND, make).await);
        }
        row(&format!("{connections} connections"), median(loops), median(ushers));
    }
}

/// One member joins and leaves: the size of the group must not matter (P-30).
async fn members(stage: &Stage) {
    println!("\nPATCH of one member, 1 connection        per second   to {}", SIZES[0]);
    let groups = stage.groups(&SIZES).await;
    let stranger = stage.stranger().await;
    let mut rates = vec![Vec::new(); SIZES.len()];
    for _ in 0..ROUNDS {
        for (group, rates) in groups.iter().zip(&mut rates) {
            let path = format!("{}/Groups/{group}", stage.path);
            let make = |n: u64| {
                let op = if n.is_multiple_of(2) {
                    format!(r#"{{"op":"add","path":"members","value":[{{"value":"{stranger}"}}]}}"#)
                } else {
                    format!(r#"{{"op":"remove","path":"members[value eq \"{stranger}\"]"}}"#)
                };
                let urn = usher::scim::urn::PATCH_OP;
                request("PATCH", &path, &stage.token, Some(&format!(r#"{{"schemas":["{urn}"],"Operations":[{op}]}}"#)))
            };
            rates.push(drive(stage.address, 1, ROUND, make).await);
        }
    }
    let rates: Vec<f64> = rates.into_iter().map(median).collect();
    for (size, rate) in SIZES.iter().zip(&rates) {
        println!("  group of {size:<30} {rate:>10.0} {:>7.2}", rate / rates[0]);
    }
}

fn row(what: &str, floor: f64, usher: f64) {
    println!("  {what:<38} {floor:>9.0} {usher:>9.0} {:>7.2}", usher / floor);
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
