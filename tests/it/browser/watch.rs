//! What a browser noticed while it was read: nothing may have gone wrong, and nothing have gone elsewhere.

use serde_json::Value;

use super::Browser;

impl Browser {
    /// Ends it, and fails if it noticed anything.
    pub(crate) async fn close(mut self) {
        self.is_closed = true;
        let noticed = self.noticed().await;
        assert!(noticed.is_empty(), "the browser noticed:\n{}", noticed.join("\n"));
    }

    /// What went wrong since the last time it was asked.
    pub(crate) async fn noticed(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry in self.driver.get_log("browser").await.expect("it kept a log") {
            let is_status = entry.source.as_deref() == Some("network") && entry.message.contains("responded with a status of");
            // Statuses are judged below, where it is known what was asked for.
            if ["WARNING", "SEVERE"].contains(&entry.level.as_str()) && !is_status {
                wrong.push(entry.message);
            }
        }
        for entry in self.driver.get_log("performance").await.expect("it kept a log") {
            let event: Value = serde_json::from_str(&entry.message).expect("an event is JSON");
            wrong.extend(fault(&self.site, &event["message"]["method"], &event["message"]["params"]));
        }
        wrong
    }
}

/// What is wrong with an event. A page may answer 404, but what it needs has to be there.
fn fault(site: &str, method: &Value, event: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match method.as_str()? {
        "Network.requestWillBeSent" => {
            let url = text(&event["request"]["url"]);
            let is_ours = url.strip_prefix(site).is_some_and(|rest| rest.starts_with('/')) || url.starts_with("data:");
            (!is_ours).then(|| format!("asked elsewhere: {url}"))
        }
        "Network.responseReceived" if event["type"] != "Document" => {
            let (url, status) = (text(&event["response"]["url"]), event["response"]["status"].as_u64()?);
            (status >= 400).then(|| format!("{status} for {url}"))
        }
        "Network.loadingFailed" if event["canceled"] != true => {
            let reason = text(&event["blockedReason"]);
            Some(format!("a {} failed: {} {reason}", text(&event["type"]), text(&event["errorText"])))
        }
        _ => None,
    }
}
