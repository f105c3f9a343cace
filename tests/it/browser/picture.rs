//! Pictures of a screen, and what axe-core says of it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Browser;

/// Name, width, height and colours.
const FORMS: [(&str, u32, u32, &str); 3] =
    [("light", 1280, 900, "light"), ("dark", 1280, 900, "dark"), ("phone", 390, 844, "light")];

static AXE: LazyLock<String> = LazyLock::new(|| {
    let tools = std::env::var_os("USHER_TEST_TOOLS").expect("USHER_TEST_TOOLS names the directory that `make browser` filled");
    let path = Path::new(&tools).join("node_modules/axe-core/axe.min.js");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; `make browser` installs it", path.display()))
});

const ASK: &str = "
    const done = arguments[arguments.length - 1];
    axe.run(document, { resultTypes: ['violations'] }).then(
        found => done(found.violations.map(({ id, impact, help, nodes }) =>
            ({ id, impact, help, nodes: nodes.map(node => `${node.html}\\n    ${node.failureSummary}`) }))),
        error => done([{ id: String(error), impact: 'critical', help: 'axe failed', nodes: [] }]))";

impl Browser {
    /// Takes a picture in each form, as `target/browser/NAME-FORM.png`. Fails on what axe-core finds serious or critical, and on a
    /// page that a phone has to scroll sideways.
    pub(crate) async fn picture(&self, name: &str) {
        self.cdp("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
        for (form, width, height, scheme) in FORMS {
            let features = json!([
                { "name": "prefers-color-scheme", "value": scheme },
                { "name": "prefers-reduced-motion", "value": "reduce" },
            ]);
            self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
            let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": form == "phone" });
            self.cdp("Emulation.setDeviceMetricsOverride", size).await;
            let taken = self.cdp("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
            let png = BASE64_STANDARD.decode(taken["data"].as_str().expect("an image")).expect("base64");
            let path = pictures().join(format!("{name}-{form}.png"));
            std::fs::write(&path, png).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let wide = self.driver.execute("return document.documentElement.scrollWidth", []).await.expect("a width");
            let wide = wide.json().as_u64().expect("a number");
            assert!(wide <= width.into(), "{name} is {wide} wide where {width} are to be had: {}", path.display());
            let faults = self.faults().await;
            assert!(faults.is_empty(), "{name} in {form}, {}: axe finds\n{}", self.address().await, faults.join("\n"));
        }
        self.cdp("Emulation.clearDeviceMetricsOverride", json!({})).await;
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": [] })).await;
    }

    /// What axe-core finds serious or critical.
    pub(crate) async fn faults(&self) -> Vec<String> {
        self.driver.execute(AXE.as_str(), []).await.expect("axe loads");
        let found = self.driver.execute_async(ASK, []).await.unwrap_or_else(|error| panic!("axe: {error}"));
        let bad = found.json().as_array().expect("a list").iter().filter(|found| {
            let impact = found["impact"].as_str();
            impact == Some("serious") || impact == Some("critical")
        });
        bad.map(readable).collect()
    }

    async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.unwrap_or_else(|error| panic!("{method}: {error}"))
    }
}

fn readable(found: &Value) -> String {
    let part = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    let nodes = found["nodes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let nodes: Vec<String> = nodes.map(|node| format!("  {node}")).collect();
    format!("{} ({}): {}\n{}", part("id"), part("impact"), part("help"), nodes.join("\n"))
}

fn pictures() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/browser");
    std::fs::create_dir_all(&path).expect("it can be made");
    path
}
