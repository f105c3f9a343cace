//! How an org's letters look: what it chose under `mail`, else the nearest ancestor.

use lettre::Address;

use super::text;
use crate::org::{Choices, Setting};

/// Sender, colours, logo and footer; what nobody chose is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letterhead {
    /// The name before the configured address in `From`.
    pub sender: Option<String>,
    /// `Reply-To`.
    pub reply_to: Option<Address>,
    /// Of the button, as `#rrggbb`.
    pub color: String,
    /// An https URL.
    pub logo: Option<String>,
    /// One line at the end.
    pub footer: Option<String>,
    /// For readers who wish for none that there is.
    pub language: Option<String>,
}

impl Default for Letterhead {
    fn default() -> Letterhead {
        Letterhead::of(&Choices::default())
    }
}

/// The button of whoever chose no colour.
const COLOR: &str = "#1f5fbf";

impl Letterhead {
    /// From what holds in the org.
    pub fn of(choices: &Choices) -> Letterhead {
        let line = |setting| choices.text(setting).map(text::line).filter(|line| !line.is_empty());
        Letterhead {
            sender: line(Setting::MailSender),
            reply_to: choices.text(Setting::MailReplyTo).and_then(|address| address.parse().ok()),
            color: choices.text(Setting::MailColor).unwrap_or(COLOR).to_owned(),
            logo: choices.text(Setting::MailLogo).map(str::to_owned),
            footer: line(Setting::MailFooter),
            language: choices.text(Setting::MailLanguage).map(str::to_owned),
        }
    }

    /// Black or white, whichever is easier to read on the colour (WCAG 2.2, relative luminance).
    pub(super) fn ink(&self) -> &'static str {
        let part = |at: usize| {
            let byte = self.color.get(at..at + 2).and_then(|part| u8::from_str_radix(part, 16).ok()).unwrap_or_default();
            let part = f64::from(byte) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
        if luminance > 0.179 { "#000000" } else { "#ffffff" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_button_can_be_read_on_every_colour() {
        let none = Letterhead::default();
        assert_eq!((none.color.as_str(), none.ink()), (COLOR, "#ffffff"));
        for (color, ink) in [("#000000", "#ffffff"), ("#ffffff", "#000000"), ("#ffd400", "#000000"), ("#7a0019", "#ffffff")] {
            assert_eq!(Letterhead { color: color.into(), ..none.clone() }.ink(), ink, "{color}");
        }
    }
}
