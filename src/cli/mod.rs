//! The command line: what an operator does beside the server. Every command works while the server runs.
//!
//! Arguments in, one use case, a line out. Results go to stdout, everything else to stderr; exit codes are 0 for done, 1 for
//! refused or failed, 2 for arguments that make no sense.

mod audit;
mod data;
mod keys;
mod mail;
mod migrate;
mod orgs;
mod print;
mod quickstart;
mod serve;
mod tokens;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::app::orgs::Intent;
use crate::base::{ClientId, OrgId, TokenId};
use crate::org::Children;
use crate::org::audit::Wanted;

/// SCIM 2.0 provisioning for hierarchies of organizations
#[derive(Debug, Parser)]
#[command(name = "usher", version)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
struct Common {
    /// Directory of the database and the keys
    #[arg(long, global = true, value_name = "DIR", env = "USHER_DATA", default_value = "./usher-data")]
    data: PathBuf,
    /// Configuration file [default: usher.toml in the data directory, where it exists]
    #[arg(long, global = true, value_name = "FILE", env = "USHER_CONFIG")]
    config: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a directory with sample organizations and serve it: the place to start
    Quickstart(Listen),
    /// Make a data directory with a root organization
    Init {
        /// Short name of the root, the {root} of every URL
        #[arg(long, value_name = "HANDLE")]
        root: String,
        /// Its full name [default: the handle]
        #[arg(long)]
        name: Option<String>,
    },
    /// Serve
    Serve(Listen),
    /// Organizations
    #[command(subcommand)]
    Org(Org),
    /// Machine callers
    #[command(subcommand)]
    Client(Client),
    /// Access tokens
    #[command(subcommand)]
    Token(Token),
    /// Letters
    #[command(subcommand)]
    Mail(Mail),
    /// The log of every write, sign-in and refusal
    #[command(subcommand)]
    Audit(Audit),
    /// Bring the database to this version's schema
    Migrate,
    /// Print the OpenAPI document
    Openapi,
}

#[derive(Debug, Args)]
struct Listen {
    /// Address and port to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
}

#[derive(Debug, Subcommand)]
enum Org {
    /// Make a child of an organization, or a further root
    Create {
        /// The parent [default: none, the new one is the root of a tree of its own]
        #[arg(long, value_name = "ID")]
        parent: Option<OrgId>,
        /// Short name, unique in its tree
        #[arg(long)]
        handle: String,
        /// Full name [default: the handle]
        #[arg(long)]
        name: Option<String>,
    },
    /// Rename, open or shut an organization, choose its settings, and show what holds there
    Set {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// Its full name
        #[arg(long)]
        name: Option<String>,
        /// Whether it may be entered: false shuts it and all below it
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        /// lenient, strict or interop; inherit takes the choice back
        #[arg(long, value_name = "NAME")]
        profile: Option<String>,
        /// A switch, on, off or inherit; may be repeated
        #[arg(long, value_name = "SWITCH=on|off|inherit")]
        quirk: Vec<String>,
        /// Requests in its log: all, or only those that write or fail; inherit takes the choice back
        #[arg(long, value_name = "all|writes")]
        log: Option<String>,
        /// Any other setting, such as invitations.lifetime=3600; inherit takes the choice back; may be repeated
        #[arg(long, value_name = "SECTION.NAME=VALUE")]
        setting: Vec<String>,
    },
    /// Put an organization under another parent of its tree; its guests and pending invitations end
    Move {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// Its new parent
        #[arg(long, value_name = "ID")]
        parent: OrgId,
        /// Only tell what would end
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove an organization for good, with all that belongs to it
    Delete {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// With all organizations below it
        #[arg(long)]
        recursive: bool,
        /// Only tell what would go
        #[arg(long)]
        dry_run: bool,
    },
    /// List every organization, parents before children
    List,
}

#[derive(Debug, Subcommand)]
enum Client {
    /// Make a client; its secret is shown once
    Create {
        /// The one organization it may enter
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// The most it may ask for, space-separated
        #[arg(long)]
        scope: String,
        /// What to call it
        #[arg(long)]
        name: Option<String>,
        /// A file with the public keys (JWK set) that its assertions are signed with [default: it has a secret]
        #[arg(long, value_name = "FILE")]
        jwks: Option<PathBuf>,
    },
    /// List the clients of an organization, and its guests among them
    List {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
    },
    /// Give a client another secret; the one before stays good for a while
    Rotate {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// The client
        client: ClientId,
        /// How long the one before is good, 30 days at the most
        #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = humantime::parse_duration)]
        overlap: Duration,
    },
    /// Delete a client; its tokens end at once
    Delete {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// The client
        client: ClientId,
    },
}

#[derive(Debug, Subcommand)]
enum Token {
    /// Make an access token for one organization, and print it bare
    Create {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// A user of it, by userName [default: nobody, the token speaks for itself]
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// What it may do, space-separated [default: everything]
        #[arg(long)]
        scope: Option<String>,
        /// How long it is good for, such as 30m, 1h or 180d
        #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = humantime::parse_duration)]
        expires: Duration,
        /// What to call it
        #[arg(long)]
        name: Option<String>,
    },
    /// List the tokens that were made by `token create` or through the API
    List {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
    },
    /// Put another token in the place of one, and print it bare; the one before stays good for a while
    Rotate {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// The token, by its id
        token: TokenId,
        /// How long the one before is good, 30 days at the most
        #[arg(long, value_name = "SPAN", default_value = "7d", value_parser = humantime::parse_duration)]
        overlap: Duration,
    },
    /// End tokens at once, and what they were exchanged for: one, or all of a user, a client or an organization
    Revoke {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// A token, by its id (`jti`)
        #[arg(required_unless_present_any = ["user", "client", "all"], conflicts_with_all = ["user", "client", "all"])]
        token: Option<TokenId>,
        /// A user, by userName
        #[arg(long, value_name = "NAME", conflicts_with_all = ["client", "all"])]
        user: Option<String>,
        /// A client, by its id
        #[arg(long, value_name = "ID", conflicts_with = "all")]
        client: Option<ClientId>,
        /// Every token of the organization
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Mail {
    /// Print the letter that an organization would send, with sample people
    Preview {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        #[command(flatten)]
        sample: Sample,
        /// Print the HTML part alone
        #[arg(long)]
        html: bool,
    },
    /// Send that letter once, and print what the mail server says
    Test {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        #[command(flatten)]
        sample: Sample,
        /// To whom
        #[arg(long, value_name = "ADDRESS")]
        to: String,
    },
}

#[derive(Debug, Args)]
struct Sample {
    /// invitation or reminder
    #[arg(long, value_name = "KIND", default_value = "invitation", value_parser = kind)]
    kind: crate::mail::Kind,
    /// A language tag such as fr or de-AT [default: the organization's own]
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
}

fn kind(name: &str) -> Result<crate::mail::Kind, &'static str> {
    crate::mail::Kind::of(name).ok_or("expected invitation or reminder")
}

impl From<Sample> for crate::app::mail::Sample {
    fn from(Sample { kind, language }: Sample) -> Self {
        crate::app::mail::Sample { kind, language }
    }
}

#[derive(Debug, Subcommand)]
enum Audit {
    /// Walk along the chains; exit 1 at the first entry that was changed, removed or put in
    Verify {
        /// Only that of this organization
        #[arg(long, value_name = "ID")]
        org: Option<OrgId>,
        /// Heads noted earlier, which must be in their chains: what `usher audit head` printed
        #[arg(long, value_name = "FILE")]
        noted: Option<PathBuf>,
    },
    /// Print place and hash of the last entry of each chain, to be noted elsewhere
    Head {
        /// Only that of this organization
        #[arg(long, value_name = "ID")]
        org: Option<OrgId>,
    },
    /// List entries, the newest first
    List {
        /// The organization
        #[arg(long, value_name = "ID")]
        org: OrgId,
        /// Only of this action: created, changed, deleted, issued, refused, invited …
        #[arg(long)]
        action: Option<String>,
        /// Only of this actor, as an entry shows it
        #[arg(long)]
        actor: Option<String>,
        /// Only about this resource
        #[arg(long, value_name = "ID")]
        resource: Option<uuid::Uuid>,
        /// Only of this request
        #[arg(long, value_name = "ID")]
        request: Option<String>,
        /// How many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
}

/// What went wrong, for a person at a terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&*error),
    }
}

async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let common = &cli.common;
    match cli.command {
        Command::Quickstart(listen) => quickstart::quickstart(common, listen.listen).await,
        Command::Init { root, name } => orgs::init(common, &root, name.as_deref()).await,
        Command::Serve(listen) => serve::serve(common, listen.listen).await,
        Command::Org(Org::Create { parent, handle, name }) => orgs::create(common, parent, &handle, name.as_deref()).await,
        Command::Org(Org::Set { org, name, active, profile, quirk, log, setting }) => {
            let settings = orgs::chosen(profile.as_deref(), &quirk, log.as_deref(), &setting)?;
            orgs::set(common, org, name.as_deref(), active, settings).await
        }
        Command::Org(Org::Move { org, parent, dry_run }) => orgs::shift(common, org, parent, intent(dry_run)).await,
        Command::Org(Org::Delete { org, recursive, dry_run }) => {
            let children = if recursive { Children::Go } else { Children::Block };
            orgs::delete(common, org, children, intent(dry_run)).await
        }
        Command::Org(Org::List) => orgs::list(common).await,
        Command::Client(client) => tokens::client(common, client).await,
        Command::Token(token) => tokens::token(common, token).await,
        Command::Mail(Mail::Preview { org, sample, html }) => mail::preview(common, org, &sample.into(), html).await,
        Command::Mail(Mail::Test { org, sample, to }) => mail::test(common, org, &to, &sample.into()).await,
        Command::Audit(Audit::Verify { org, noted }) => audit::verify(common, org, noted.as_deref()).await,
        Command::Audit(Audit::Head { org }) => audit::head(common, org).await,
        Command::Audit(Audit::List { org, action, actor, resource, request, limit }) => {
            let wanted = Wanted { action, actor, resource, request, limit, ..Wanted::default() };
            audit::list(common, org, wanted).await
        }
        Command::Migrate => migrate::migrate(common).await,
        Command::Openapi => print::line(&crate::http::openapi_document()),
    }
}

fn intent(dry_run: bool) -> Intent {
    if dry_run { Intent::Preview } else { Intent::Do }
}

/// The error with everything that caused it, on one line.
fn fail(error: &dyn std::error::Error) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    eprintln!("usher: {text}");
    ExitCode::FAILURE
}
