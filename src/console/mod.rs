//! Pages: views in, HTML out. So far the one behind an invitation's link.
//!
//! No page needs a script, and none loads anything from elsewhere (S-68). `http` sends the headers, `app` makes the views.

pub mod invitation;

pub use invitation::{Page, State, invitation_page};

/// Where [`INVITATION_CSS`] is served, below the public URL.
pub const INVITATION_CSS_PATH: &str = "/console/invitation.css";

/// The only style of the pages here.
pub const INVITATION_CSS: &str = include_str!("invitation.css");

/// `Content-Security-Policy` of every page here: its own style, its own form, nothing else.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
