//! How much of what happens beside the writes an org's audit log takes, so that nobody who is refused fills it: what is more is
//! counted and told in one entry for each actor and minute.

use std::collections::HashMap;
use std::time::Duration;

use super::audit::{Action, Event};
use crate::base::limit::{AUDIT_ACTORS_MAX, AUDIT_EACH_MAX, AUDIT_QUEUE_MAX};
use crate::base::{OrgId, Timestamp};

/// For so long events are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// Events that wait to be written.
#[derive(Default)]
pub struct Watch {
    windows: HashMap<(OrgId, Action), Window>,
    waiting: usize,
    lost: u64,
}

struct Window {
    since: Timestamp,
    taken: usize,
    single: Vec<Event>,
    counted: HashMap<String, Event>,
}

/// What shall be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Counts only after their minute.
    Now,
    /// All there is.
    All,
}

impl Watch {
    /// Takes an event, by itself or as one of many. Where too much waits in all it is lost, and counted.
    pub fn take(&mut self, event: Event) {
        let key = (event.org, event.action);
        let is_full = self.waiting >= AUDIT_QUEUE_MAX;
        if is_full && !self.windows.contains_key(&key) {
            self.lost += 1;
            return;
        }
        let new = || Window { since: event.at, taken: 0, single: Vec::new(), counted: HashMap::new() };
        let window = self.windows.entry(key).or_insert_with(new);
        let is_single = window.taken < AUDIT_EACH_MAX;
        let is_known = window.counted.contains_key(&event.actor) || window.counted.len() < AUDIT_ACTORS_MAX;
        let actor = if is_known { event.actor.clone() } else { "others".to_owned() };
        // To count one more needs no room.
        if let Some(counted) = window.counted.get_mut(&actor).filter(|_| !is_single) {
            counted.count = counted.count.saturating_add(1);
            return;
        }
        if is_full {
            self.lost += 1;
            return;
        }
        self.waiting += 1;
        if is_single {
            window.taken += 1;
            window.single.push(event.bounded());
            return;
        }
        let detail = Some(format!("more than {AUDIT_EACH_MAX} in a minute, not listed singly"));
        let counted = Event { actor: actor.clone(), client: None, request: None, resource: None, detail, ..event };
        window.counted.insert(actor, counted.bounded());
    }

    /// What is due, in the order of time, and how many events were lost since the last call.
    pub fn due(&mut self, due: Due, now: Timestamp) -> (Vec<Event>, u64) {
        let mut events = Vec::new();
        self.windows.retain(|_, window| {
            events.append(&mut window.single);
            // A clock that was set back ends the minute too.
            let is_over = due == Due::All || now < window.since || now >= window.since + WINDOW;
            if is_over {
                events.extend(window.counted.drain().map(|(_, event)| event));
            }
            !is_over
        });
        self.waiting = self.windows.values().map(|window| window.counted.len()).sum();
        events.sort_by_key(|event| event.at);
        (events, std::mem::take(&mut self.lost))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn event(org: u128, actor: &str, at: i64) -> Event {
        Event {
            org: OrgId(Uuid::from_u128(org)),
            at: Timestamp(at),
            actor: actor.into(),
            client: None,
            request: Some(format!("r{at}")),
            action: Action::Refused,
            resource_type: "Request",
            resource: Some(Uuid::nil()),
            detail: Some("why".into()),
            count: 1,
        }
    }

    fn counts(events: &[Event], org: u128) -> Vec<(&str, u32)> {
        let own = events.iter().filter(|event| event.org.0.as_u128() == org && event.detail.as_deref() != Some("why"));
        let mut counts: Vec<_> = own.map(|event| (event.actor.as_str(), event.count)).collect();
        counts.sort_unstable();
        counts
    }

    #[test]
    fn a_flood_costs_an_org_a_bounded_number_of_entries_and_none_is_uncounted() {
        let mut watch = Watch::default();
        for at in 0..5000 {
            watch.take(event(1, if at % 5 == 0 { "eve" } else { "mallory" }, at));
        }
        watch.take(event(2, "ada", 0));
        let (events, lost) = watch.due(Due::Now, Timestamp(5000));
        assert_eq!((events.len(), lost), (AUDIT_EACH_MAX + 1, 0), "each of the first, and another org's as ever");
        assert!(events.iter().all(|event| event.count == 1 && event.request.is_some()));
        assert_eq!(watch.due(Due::Now, Timestamp(59_999)).0, [], "the minute is not over");
        let (events, _) = watch.due(Due::Now, Timestamp(60_000));
        let single = |of: usize| AUDIT_EACH_MAX as u32 * of as u32 / 5;
        assert_eq!(counts(&events, 1), [("eve", 1000 - single(1)), ("mallory", 4000 - single(4))]);
        assert!(events.iter().all(|event| event.resource.is_none() && event.request.is_none()));
        watch.take(event(1, "eve", 60_001));
        assert_eq!(watch.due(Due::Now, Timestamp(60_002)).0.len(), 1, "a new minute");
    }

    #[test]
    fn who_comes_under_many_names_is_counted_together() {
        let mut watch = Watch::default();
        for at in 0..10_000 {
            watch.take(event(1, &format!("external issuer {at}"), at));
        }
        let (events, lost) = watch.due(Due::All, Timestamp(10_000));
        assert_eq!((events.len(), lost), (AUDIT_EACH_MAX + AUDIT_ACTORS_MAX + 1, 0));
        assert_eq!(events.iter().map(|event| event.count).sum::<u32>(), 10_000);
    }

    #[test]
    fn many_orgs_at_once_are_bounded_too_and_what_is_lost_is_counted() {
        let mut watch = Watch::default();
        for org in 0..AUDIT_QUEUE_MAX as u128 + 7 {
            watch.take(event(org, "eve", 0));
        }
        let (events, lost) = watch.due(Due::All, Timestamp(0));
        assert_eq!((events.len(), lost), (AUDIT_QUEUE_MAX, 7));
        assert_eq!(watch.due(Due::All, Timestamp(0)), (Vec::new(), 0));
    }

    #[test]
    fn who_is_counted_already_is_counted_on_when_there_is_no_room() {
        let mut watch = Watch::default();
        (0..=AUDIT_EACH_MAX).for_each(|_| watch.take(event(0, "eve", 0)));
        for org in 1..AUDIT_QUEUE_MAX as u128 {
            watch.take(event(org, "ada", 0));
        }
        for actor in ["eve", "eve", "mallory"] {
            watch.take(event(0, actor, 0));
        }
        let (events, lost) = watch.due(Due::All, Timestamp(0));
        assert_eq!(counts(&events, 0), [("eve", 3)]);
        let lost_of_others = u64::try_from(AUDIT_EACH_MAX).expect("few");
        assert_eq!(lost, lost_of_others + 1, "orgs that found no room, and mallory");
    }
}
