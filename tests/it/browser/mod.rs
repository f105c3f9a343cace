//! The pages as a reader meets them: headless Chromium, driven over WebDriver.
//!
//! `make browser` installs Chromium and axe-core and runs these tests, which plain `cargo test` ignores and says so. A picture
//! of every screen lies under `target/browser` afterwards, in light, in dark and as wide as a phone.
//!
//! Each reader is a browser process of its own, with a fresh profile, that reaches nothing but loopback. It watches the whole
//! time: a request to elsewhere, one that failed, a breach of the content security policy or an error of a script fails the test
//! that ends with [`Browser::close`], and dropping a browser that was not closed fails it as well.

mod accept;
mod door;
mod invite;
mod picture;
mod screens;
mod watch;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use thirtyfour::error::WebDriverError;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel};

use crate::server::Tree;

const PATIENCE: Duration = Duration::from_secs(10);

/// Where readers live, which is not where the server does.
const ZONE: &str = "Asia/Tokyo";
const ZONE_AHEAD: Duration = Duration::from_secs(9 * 3600);

/// One reader.
pub(crate) struct Browser {
    driver: WebDriver,
    _chromedriver: Chromedriver,
    site: String,
    is_closed: bool,
}

/// Whether pages may run scripts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    On,
    Off,
}

impl Browser {
    /// An ordinary reader of English at `site`.
    pub(crate) async fn start(site: &str) -> Browser {
        Browser::with(site, Script::On, "en").await
    }

    pub(crate) async fn with(site: &str, script: Script, language: &str) -> Browser {
        let chromedriver = Chromedriver::start();
        let mut wants = DesiredCapabilities::chrome();
        let mut set = || -> WebDriverResult<()> {
            for argument in [
                "--headless=new",
                "--no-sandbox", // it shows our own pages only, and in a container it could not start otherwise
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
                "--window-size=1280,900",
            ] {
                wants.add_arg(argument)?;
            }
            let javascript = if script == Script::On { 1 } else { 2 };
            wants.add_experimental_option(
                "prefs",
                json!({
                    "intl.accept_languages": language,
                    "profile.managed_default_content_settings.javascript": javascript,
                    "credentials_enable_service": false,
                }),
            )?;
            let all = LoggingPrefsLogLevel::All;
            wants.set_logging_prefs("browser", all)?;
            wants.set_logging_prefs("performance", all)
        };
        set().expect("capabilities are JSON");
        let driver = WebDriver::new(format!("http://127.0.0.1:{}", chromedriver.port), wants).await.expect("Chromium starts");
        Browser { driver, _chromedriver: chromedriver, site: site.to_owned(), is_closed: false }
    }

    /// Opens a page of the site by its path, or by its whole address.
    pub(crate) async fn open(&self, page: &str) {
        let path = page.strip_prefix(&self.site).unwrap_or(page);
        assert!(path.starts_with('/'), "{page} is not of {}", self.site);
        self.driver.goto(format!("{}{path}", self.site)).await.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The whole address of the page.
    pub(crate) async fn address(&self) -> String {
        self.driver.current_url().await.expect("an address").to_string()
    }

    /// The address below the site.
    pub(crate) async fn path(&self) -> String {
        self.address().await.strip_prefix(&self.site).unwrap_or_default().to_owned()
    }

    /// What is to be read on the page.
    pub(crate) async fn text(&self) -> String {
        match self.driver.find(By::Tag("body")).await {
            Ok(body) => body.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        }
    }

    /// Waits until the page says this.
    pub(crate) async fn reads(&self, text: &str) {
        let start = Instant::now();
        loop {
            let page = self.text().await;
            if page.contains(text) {
                return;
            }
            if start.elapsed() > PATIENCE {
                panic!("{} does not say {text:?} but:\n{page}", self.address().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Times stand there as in the reader's zone, with UTC to be seen by pointing at them.
    pub(crate) async fn reads_local_times(&self) {
        let times = "return [...document.querySelectorAll('main time')].map(t => [t.dateTime, t.textContent, t.title])";
        let times = self.driver.execute(times, []).await.expect("it runs");
        let times: Vec<[String; 3]> = times.convert().expect("texts");
        assert!(!times.is_empty(), "{} shows no time", self.address().await);
        for [at, shown, title] in times {
            let at = chrono::DateTime::parse_from_rfc3339(&at).expect("an instant");
            let there = at + ZONE_AHEAD;
            assert!(shown.contains(&there.format("%-I:%M").to_string()), "{at} is shown as {shown}");
            assert_eq!(title, at.format("%Y-%m-%d %H:%M UTC").to_string());
        }
    }

    /// Presses the button, follows the link or opens the menu of this name.
    pub(crate) async fn click(&self, name: &str) {
        let name = quoted(name);
        let path = format!(
            "//*[self::button or self::a or self::summary]\
             [normalize-space()={name} or @aria-label={name}]",
        );
        self.visible(&path).await.click().await.unwrap_or_else(|error| panic!("{name} cannot be pressed: {error}"));
    }

    /// Writes into the field of this label, in place of what stands there.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let field = self.field(label).await;
        let filled = async {
            field.clear().await?;
            field.send_keys(text).await
        };
        filled.await.unwrap_or_else(|error: WebDriverError| panic!("{label} cannot be filled: {error}"));
    }

    /// What stands in the field of this label.
    pub(crate) async fn value(&self, label: &str) -> String {
        self.field(label).await.value().await.expect("a field").unwrap_or_default()
    }

    /// Ticks the box, or the circle, of this label.
    pub(crate) async fn tick(&self, label: &str) {
        self.field(label).await.click().await.unwrap_or_else(|error| panic!("{label} cannot be ticked: {error}"));
    }

    /// Chooses from the list of this label.
    pub(crate) async fn choose(&self, label: &str, option: &str) {
        let list = self.field(label).await;
        let option = list.find(By::XPath(format!("./option[normalize-space()={}]", quoted(option)))).await;
        option.expect("an option").click().await.unwrap_or_else(|error| panic!("{label} cannot be chosen from: {error}"));
    }

    async fn field(&self, label: &str) -> WebElement {
        let label = quoted(label);
        self.visible(&format!("//*[@id=//label[normalize-space(text())={label}]/@for or self::input[@aria-label={label}]]"))
            .await
    }

    /// Presses a key, or types, wherever the focus is.
    pub(crate) async fn press(&self, keys: impl Into<TypingData>) {
        self.driver.action_chain().send_keys(keys).perform().await.expect("keys can be pressed");
    }

    /// Goes on from field to field until this one has the focus, by its label or what is written on it.
    pub(crate) async fn tab_to(&self, name: &str) {
        let focused =
            "const e = document.activeElement; return e.labels?.[0]?.firstChild.textContent ?? e.ariaLabel ?? e.innerText";
        let mut passed = Vec::new();
        for _ in 0..100 {
            self.press(Key::Tab).await;
            let focused = self.driver.execute(focused, []).await.expect("something has the focus");
            let focused = focused.json().as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
            if focused == name {
                return;
            }
            passed.push(focused);
        }
        panic!("no way to {name:?} by keyboard, past {passed:?}");
    }

    /// The first displayed element of this path, waited for.
    async fn visible(&self, path: &str) -> WebElement {
        let found = self.driver.query(By::XPath(path)).wait(PATIENCE, Duration::from_millis(50)).and_displayed().first().await;
        match found {
            Ok(element) => element,
            Err(_) => panic!("{} has no {path}:\n{}", self.address().await, self.text().await),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The library would ask for the end of the session from a thread of its own, and hang where the runtime waits for it.
        let _ = self.driver.clone().leak();
        assert!(self.is_closed || std::thread::panicking(), "a browser ends with `close`, which looks at what it noticed");
    }
}

/// A chromedriver of its own on a free port; ends with its Chromium.
struct Chromedriver {
    process: Child,
    port: u16,
}

impl Chromedriver {
    fn start() -> Chromedriver {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").env("TZ", ZONE).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process: Child =
            command.spawn().unwrap_or_else(|error| panic!("chromedriver does not start ({error}); `make browser` installs it"));
        let mut said = BufReader::new(process.stdout.take().expect("stdout is piped")).lines().map_while(Result::ok);
        let port = said.find_map(|line| line.rsplit_once("successfully on port ")?.1.trim_end_matches('.').parse().ok());
        Chromedriver { process, port: port.expect("it says on which port") }
    }

    /// Asks it to end Chromium and itself.
    fn shutdown(&self) -> std::io::Result<()> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        let _ = self.shutdown();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Lets time pass where no test can wait for it.
fn let_pass(tree: &Tree, statement: &str) {
    let db = rusqlite::Connection::open(tree.data().join("usher.db")).expect("the database");
    assert_eq!(db.execute(statement, []).expect("changed"), 1, "{statement}");
}

/// A text in XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "a name without quotation marks: {text}");
    format!("\"{text}\"")
}
