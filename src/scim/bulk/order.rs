//! In which order the operations of a bulk request are done.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::{Operation, Target};
use crate::scim::Kind;

/// The operations in steps; those of one step have to be done together, since they refer to each other in a circle (B-06).
///
/// It is the order of the request, except that an operation that refers to a later one waits for that one, and so does what
/// comes after it for the same resource: nothing else moves (B-08).
pub fn order(operations: &[Operation]) -> Vec<Vec<usize>> {
    let waits_for = waits_for(operations);
    let mut open: Vec<usize> = waits_for.iter().map(BTreeSet::len).collect();
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); operations.len()];
    for (at, others) in waits_for.iter().enumerate() {
        others.iter().for_each(|&other| waiting[other].push(at));
    }
    let mut ready: BinaryHeap<Reverse<usize>> = (0..operations.len()).filter(|&at| open[at] == 0).map(Reverse).collect();
    let mut steps = Vec::with_capacity(operations.len());
    while let Some(Reverse(at)) = ready.pop() {
        steps.push(vec![at]);
        for &next in &waiting[at] {
            open[next] -= 1;
            if open[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    let left: Vec<usize> = (0..operations.len()).filter(|&at| open[at] > 0).collect();
    steps.extend(circles(&left, &waits_for));
    steps
}

/// For each operation, those that have to be done before it.
fn waits_for(operations: &[Operation]) -> Vec<BTreeSet<usize>> {
    let mut last: HashMap<(Kind, &Target), usize> = HashMap::new();
    let mut waits_for = Vec::with_capacity(operations.len());
    for (at, operation) in operations.iter().enumerate() {
        let mut before = BTreeSet::new();
        if let Ok(request) = &operation.request {
            before.clone_from(&request.refers);
            before.extend(request.target.as_ref().and_then(|target| last.insert((request.kind, target), at)));
        }
        // Whoever refers to itself knows its id by then.
        before.remove(&at);
        waits_for.push(before);
    }
    waits_for
}

/// The circles among `left`, and what waits for them, each after what it waits for.
fn circles(left: &[usize], waits_for: &[BTreeSet<usize>]) -> Vec<Vec<usize>> {
    const BITS: usize = u64::BITS as usize;
    let place: HashMap<usize, usize> = left.iter().enumerate().map(|(place, &at)| (at, place)).collect();
    let mut reach = vec![vec![0_u64; left.len().div_ceil(BITS)]; left.len()];
    let has = |row: &[u64], place: usize| row[place / BITS] & (1 << (place % BITS)) != 0;
    for (own, row) in reach.iter_mut().enumerate() {
        for place in waits_for[left[own]].iter().filter_map(|other| place.get(other)).chain([&own]) {
            row[place / BITS] |= 1 << (place % BITS);
        }
    }
    // Warshall: with a thousand operations this is some 16 million steps at the very worst.
    for middle in 0..left.len() {
        let through = reach[middle].clone();
        for row in reach.iter_mut().filter(|row| has(row, middle)) {
            row.iter_mut().zip(&through).for_each(|(bits, more)| *bits |= more);
        }
    }
    // Whatever waits for a circle reaches all that the circle reaches, and itself besides: who reaches less comes first.
    let mut ranks: Vec<(u32, usize)> =
        reach.iter().enumerate().map(|(place, row)| (row.iter().map(|bits| bits.count_ones()).sum(), place)).collect();
    ranks.sort_unstable();
    let mut is_done = vec![false; left.len()];
    let mut steps = Vec::new();
    for (_, first) in ranks {
        if is_done[first] {
            continue;
        }
        let mutual = |&place: &usize| has(&reach[first], place) && has(&reach[place], first);
        let step: Vec<usize> = (0..left.len()).filter(mutual).collect();
        step.iter().for_each(|&place| is_done[place] = true);
        steps.push(step.into_iter().map(|place| left[place]).collect());
    }
    steps
}
