//! Pages: views in, HTML out. The one behind an invitation's link, and those of the console.
//!
//! No page loads anything from elsewhere (S-68), and every page works without a script. `http` sends the headers.

pub mod csv;
pub mod invitation;
pub mod page;

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

pub use invitation::{Page, State, invitation_page};
pub use page::render;

/// `Content-Security-Policy` of the invitation's page: the style of all pages, its own form, nothing else.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `Content-Security-Policy` of the console's pages: their own style and script besides.
pub const CONSOLE_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file that pages refer to.
pub struct Asset {
    /// Below the public URL.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub body: &'static str,
}

/// The style of all pages, the script of the console's, and the icon.
pub const ASSETS: [Asset; 3] = [
    Asset { path: "/console/console.css", content_type: "text/css; charset=utf-8", body: include_str!("console.css") },
    Asset { path: "/console/console.js", content_type: "text/javascript; charset=utf-8", body: include_str!("console.js") },
    Asset { path: "/console/icon.svg", content_type: "image/svg+xml", body: include_str!("icon.svg") },
];

/// Names the state of [`ASSETS`]: pages ask for them by it, so that browsers may keep them.
pub fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        ASSETS.iter().for_each(|asset| hash.update(asset.body));
        hash.finalize()[..6].iter().map(|byte| format!("{byte:02x}")).collect()
    });
    &VERSION
}
