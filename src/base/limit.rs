//! Every bound in one place. What is refused for one of them is answered with its name and value.

use std::time::Duration;

/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Nesting of a JSON body.
pub const JSON_DEPTH_MAX: usize = 32;
/// Bytes of a filter (S-60).
pub const FILTER_BYTES_MAX: usize = 8 * 1024;
/// Comparisons in a filter (S-60); SQLite itself refuses a thousand.
pub const FILTER_TERMS_MAX: usize = 100;
/// Nesting of a filter (S-60).
pub const FILTER_DEPTH_MAX: usize = 32;
/// Operations of one PATCH (S-60).
pub const PATCH_OPERATIONS_MAX: usize = 1000;
/// Operations of one bulk request; announced as `bulk.maxOperations`.
pub const BULK_OPERATIONS_MAX: usize = 1000;
/// Bytes of a bulk request; announced as `bulk.maxPayloadSize`.
pub const BULK_PAYLOAD_BYTES_MAX: usize = BODY_BYTES_MAX;
/// Characters of a `bulkId`.
pub const BULK_ID_CHARS_MAX: usize = 256;
/// How long a bulk request begins further operations; it has to be answered within [`REQUEST_DEADLINE`].
pub const BULK_TIME: Duration = Duration::from_secs(20);
/// How long a request with an `Idempotency-Key` is not carried out again.
pub const REQUESTS_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Requests with an `Idempotency-Key` that are kept of one org; of more, the newest.
pub const REQUESTS_KEPT_MAX: usize = 10_000;
/// Characters of an `Idempotency-Key`.
pub const REQUEST_KEY_CHARS_MAX: usize = 255;
/// Bytes of an answer that is kept for whoever sends a bulk request again.
pub const REQUEST_ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Members named in one request (S-60).
pub const MEMBERS_MAX: usize = 10_000;
/// User names that one form of the console names, or lines of its import.
pub const CONSOLE_NAMES_MAX: usize = 1000;
/// Groups in groups that are looked at for what a person may do; what lies beyond gives nothing, and nobody may add to it.
pub const GROUPS_WALKED_MAX: usize = 10_000;
/// Characters of one string attribute, unless its schema is stricter (S-49).
pub const STRING_CHARS_MAX: usize = 8 * 1024;
/// Characters of a `userName`, a group's `displayName` or an `externalId`.
pub const NAME_CHARS_MAX: usize = 256;
/// Bytes of one stored resource, members not counted.
pub const RESOURCE_BYTES_MAX: usize = 256 * 1024;
/// Attributes and sub-attributes of one schema that somebody added; also canonical values of one attribute.
pub const SCHEMA_ATTRIBUTES_MAX: usize = 256;
/// Schemas that a tree may have beside those of the program, and resource types.
pub const SCHEMAS_MAX: usize = 64;
/// Attributes of all schemas of all resource types of a tree, a schema counted wherever it is attached.
pub const TREE_ATTRIBUTES_MAX: usize = 4096;
/// Resources in one page where the client names no `count`.
pub const PAGE_DEFAULT: usize = 100;
/// Resources in one page at the most; announced as `filter.maxResults`.
pub const PAGE_MAX: usize = 1000;
/// How long a cursor is good for; announced as `pagination.cursorTimeout`.
pub const CURSOR_LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// Lines of one `.invite` request.
pub const INVITE_LINES_MAX: usize = 500;
/// Groups that one invitation gives.
pub const INVITATION_GROUPS_MAX: usize = 100;
/// Invitations of one org that may be pending at a time.
pub const INVITATIONS_PENDING_MAX: usize = 10_000;
/// How long an invitation is good for where nobody says otherwise.
pub const INVITATION_LIFETIME: Duration = Duration::from_secs(72 * 3600);
/// The shortest lifetime an inviter may choose.
pub const INVITATION_LIFETIME_MIN: Duration = Duration::from_secs(300);
/// The longest lifetime an inviter may choose.
pub const INVITATION_LIFETIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// Invitations and resent letters of one org in a day, where it does not choose otherwise.
pub const INVITATIONS_A_DAY: u32 = 10_000;
/// Those to one person.
pub const INVITATIONS_A_DAY_TO_ONE: u32 = 20;
/// Between two letters about one invitation that somebody asks for.
pub const RESEND_PAUSE: Duration = Duration::from_secs(60);
/// How long before its end an invitation is reminded of.
pub const REMINDER: Duration = Duration::from_secs(24 * 3600);
/// The shortest time for which an org may choose to keep ended invitations.
pub const INVITATIONS_KEPT_MIN: Duration = Duration::from_secs(24 * 3600);
/// How long an ended invitation is kept.
pub const INVITATIONS_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);
/// Names, and groups, of users whom an org lets nobody invite.
pub const SHIELDED_MAX: usize = 1000;
/// Characters of the reason for revoking.
pub const REASON_CHARS_MAX: usize = 500;
/// Invitations or guests that one round of the worker ends, reminds of or forgets.
pub const TENDED_MAX: usize = 500;
/// Characters of an inviter's message.
pub const MESSAGE_CHARS_MAX: usize = 2000;
/// Characters of the name that an org's letters are from.
pub const SENDER_CHARS_MAX: usize = 100;
/// Characters of the line at their end.
pub const FOOTER_CHARS_MAX: usize = 200;
/// Bytes of the URL of a logo.
pub const LOGO_BYTES_MAX: usize = 500;
/// Letters that an org sends to try its settings in [`MAIL_TESTS_SPAN`].
pub const MAIL_TESTS_MAX: usize = 10;
/// For which they are counted.
pub const MAIL_TESTS_SPAN: Duration = Duration::from_secs(3600);
/// Bytes of a bearer token (SEC S-26).
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Tokens that one token may have been exchanged from, one after the other.
pub const EXCHANGES_MAX: usize = 12;
/// Clients that a token's `act` names; of more, the latest.
pub const ACTORS_MAX: usize = 2;
/// Bytes of the public keys of a client.
pub const CLIENT_KEYS_BYTES_MAX: usize = 16 * 1024;
/// The longest time that an assertion of a client may be good for.
pub const ASSERTION_LIFETIME_MAX: Duration = Duration::from_secs(600);
/// The longest time for which the secret or token before the present one may stay good.
pub const OVERLAP_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// That time where nobody says otherwise.
pub const OVERLAP: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long before its end a provisioning token is said to expire soon.
pub const EXPIRES_SOON: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long an expired provisioning token stays in the list.
pub const TOKENS_SHOWN: Duration = Duration::from_secs(30 * 24 * 3600);
/// How exact the last use of a credential is.
pub const LAST_USE: Duration = Duration::from_secs(60);
/// Notes of last uses that wait to be written; beyond it they are lost.
pub const LAST_USES_MAX: usize = 10_000;
/// Levels of a hierarchy of orgs.
pub const ORG_DEPTH_MAX: usize = 32;
/// Pairs in the `attributes` of an org.
pub const ORG_ATTRIBUTES_MAX: usize = 100;
/// Characters of the type of such a pair.
pub const ORG_ATTRIBUTE_TYPE_CHARS_MAX: usize = 64;
/// Characters of its value.
pub const ORG_ATTRIBUTE_CHARS_MAX: usize = 1024;
/// How long what was deleted can be restored where no operator says otherwise.
pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Days that an operator may choose for it at the most.
pub const RESTORABLE_DAYS_MAX: u16 = 365;
/// Memberships that the answer to a restoration names as missing; it counts the others.
pub const MISSING_MAX: usize = 1000;
/// For a request's body to arrive, from the moment somebody reads it.
pub const BODY_DEADLINE: Duration = Duration::from_secs(20);
/// From the arrival of a request's head to its answer.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// For the store to search: what scans longer is given up, so that it holds no reader for ever (F-31).
pub const QUERY_DEADLINE: Duration = Duration::from_secs(10);
/// Commits that may wait for the writer; beyond it the answer is 503.
pub const WRITER_QUEUE_MAX: usize = 1024;
/// Bytes of a redacted body in the request log.
pub const LOG_BODY_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a body that is read for the request log; of a longer one it says only how long it was.
pub const LOG_SENT_BYTES_MAX: usize = 64 * 1024;
/// Characters of any other text in the request log.
pub const LOG_TEXT_CHARS_MAX: usize = 500;
/// Lines of the request log that wait to be written; beyond it they are lost, and counted.
pub const LOG_QUEUE_MAX: usize = 10_000;
/// Bytes of their bodies.
pub const LOG_QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Lines that are written at a time.
pub const LOG_BATCH_MAX: usize = 500;
/// Days that an operator may keep the request log at the most.
pub const LOG_DAYS_MAX: u16 = 365;
/// Lines of one org that an operator may keep at the most.
pub const LOG_ROWS_MAX: u32 = 1_000_000;
/// Sign-ins, and likewise refusals, of one org and minute that the audit log lists singly; of more it tells how many.
pub const AUDIT_EACH_MAX: usize = 100;
/// Callers for whom it tells so each by each.
pub const AUDIT_ACTORS_MAX: usize = 20;
/// Sign-ins and refusals of all orgs that wait to be written; beyond it they are lost, and counted.
pub const AUDIT_QUEUE_MAX: usize = 10_000;
/// How long the log of changes is kept.
pub const CHANGES_KEPT: Duration = Duration::from_secs(400 * 24 * 3600);
/// How far a sorted search over several types can be paged.
pub const SORTED_SEARCH_MAX: usize = 10_000;
