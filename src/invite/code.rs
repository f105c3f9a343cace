//! The secret of an invitation's link. It is derived, never stored: the database, its backups and the outbox hold nothing
//! that opens an invitation (S-65), and a letter that is tried again carries the same link.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{Error, Invitation};
use crate::base::InvitationId;
use crate::org::Org;

/// Keeps these codes apart from whatever else may one day be derived from the key.
const CONTEXT: &[u8] = b"usher invitation";
const ID_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The code of generation `generation` of the invitation `id`: base64url without padding of the 16 bytes of the id and the 32
/// of HMAC-SHA-256 over context, id and generation (big-endian).
pub fn code(key: &[u8; 32], id: InvitationId, generation: u32) -> String {
    let mut bytes = [0; ID_BYTES + TAG_BYTES];
    bytes[..ID_BYTES].copy_from_slice(id.0.as_bytes());
    bytes[ID_BYTES..].copy_from_slice(&tag(key, id, generation));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The link of the newest letter of `invitation` of `org`. Its host comes from the configuration alone (S-66, V-37).
pub fn link(public_url: &str, key: &[u8; 32], org: &Org, invitation: &Invitation) -> String {
    address(public_url, org, invitation.id, &code(key, invitation.id, invitation.generation))
}

/// The link with `code`.
pub fn address(public_url: &str, org: &Org, id: InvitationId, code: &str) -> String {
    format!("{public_url}/t/{}/o/{}/invitations/{id}?code={code}", org.root_handle, org.id)
}

/// A code as somebody sent it. Its id says which invitation to load; only [`Code::opens`] says whether to believe it.
#[derive(Clone, Copy)]
pub struct Code {
    /// The one identifier that drives both what is shown and what is accepted (V-35).
    pub id: InvitationId,
    tag: [u8; TAG_BYTES],
}

impl Code {
    /// Whether this is the code of the newest link of `invitation`. Takes the same time however much of it is right.
    pub fn opens(&self, key: &[u8; 32], invitation: &Invitation) -> bool {
        let expected = tag(key, invitation.id, invitation.generation);
        self.id == invitation.id && bool::from(expected.ct_eq(&self.tag))
    }
}

/// The code in `text`.
///
/// Nothing but white space is [`Error::NoCode`] (V-39), every other text that is no code is [`Error::Unknown`] (V-29): the
/// holder of an altered link learns nothing.
pub fn parse_code(text: &str) -> Result<Code, Error> {
    if text.trim().is_empty() {
        return Err(Error::NoCode);
    }
    let mut bytes = [0; ID_BYTES + TAG_BYTES];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(count) if count == bytes.len() => {}
        _ => return Err(Error::Unknown),
    }
    let (id, tag) = bytes.split_at(ID_BYTES);
    let id = Uuid::from_slice(id).map_err(|_| Error::Unknown)?;
    let tag = tag.try_into().map_err(|_| Error::Unknown)?;
    Ok(Code { id: InvitationId(id), tag })
}

fn tag(key: &[u8; 32], id: InvitationId, generation: u32) -> [u8; TAG_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(CONTEXT);
    mac.update(id.0.as_bytes());
    mac.update(&generation.to_be_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invite::tests::invitation;

    const KEY: [u8; 32] = [7; 32];

    fn opens(text: &str, invitation: &Invitation) -> bool {
        parse_code(text).is_ok_and(|code| code.opens(&KEY, invitation))
    }

    #[test]
    fn a_code_opens_its_own_invitation_and_no_other() {
        let (one, other) = (invitation(1), invitation(2));
        let text = code(&KEY, one.id, one.generation);
        assert_eq!(text.len(), 64);
        assert!(opens(&text, &one));
        assert!(!opens(&text, &other));
    }

    #[test]
    fn a_link_names_org_and_invitation_and_carries_the_code() {
        let (invitation, org) = (invitation(1), crate::invite::tests::org());
        let link = link("https://usher.acme.test", &KEY, &org, &invitation);
        let (page, sent) = link.split_once("?code=").expect("a code");
        let expected = "https://usher.acme.test/t/acme/o/00000000-0000-0000-0000-000000000002/invitations/00000000-0000-0000-0000-000000000001";
        assert_eq!(page, expected);
        assert!(opens(sent, &invitation));
    }

    #[test]
    fn no_altered_character_is_believed() {
        // V-29. The 48 bytes fill 64 characters exactly, so there are no spare bits to play with.
        let invitation = invitation(1);
        let text = code(&KEY, invitation.id, 1);
        for at in 0..text.len() {
            for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \0".chars() {
                let mut altered = text.clone();
                altered.replace_range(at..=at, &letter.to_string());
                assert_eq!(opens(&altered, &invitation), altered == text, "{altered}");
            }
        }
    }

    #[test]
    fn another_key_and_an_older_generation_do_not_open() {
        // V-40, V-42: a resent link kills the one before.
        let mut invitation = invitation(1);
        assert!(!opens(&code(&[8; 32], invitation.id, 1), &invitation));
        let old = code(&KEY, invitation.id, 1);
        invitation.generation = 2;
        assert!(!opens(&old, &invitation));
        assert!(opens(&code(&KEY, invitation.id, 2), &invitation));
    }

    #[test]
    fn parts_of_two_invitations_do_not_mix() {
        // V-35: the id of one with the secret of the other.
        let (one, other) = (invitation(1), invitation(2));
        let tag_of_other = &code(&KEY, other.id, 1)[22..];
        let mixed = format!("{}{tag_of_other}", &code(&KEY, one.id, 1)[..22]);
        assert!(!opens(&mixed, &one) && !opens(&mixed, &other));
    }

    #[test]
    fn nothing_is_not_a_code() {
        // V-39.
        for nothing in ["", " ", "\t\n"] {
            assert_eq!(parse_code(nothing).err(), Some(Error::NoCode), "{nothing:?}");
        }
        let short = code(&KEY, invitation(1).id, 1);
        let long = format!("{short}AAAA");
        let padded = format!("{short}=");
        let nil = "A".repeat(64);
        for wrong in ["null", "0", "[]", "undefined", &short[..63], &short[..60], &long, &padded, &"A".repeat(1 << 20), &nil] {
            let code = parse_code(wrong);
            assert!(!code.is_ok_and(|code| code.opens(&KEY, &invitation(1))), "{wrong}");
        }
        assert_eq!(parse_code("null").err(), Some(Error::Unknown));
    }
}
