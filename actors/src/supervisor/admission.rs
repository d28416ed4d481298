//! Who gets in: the files of the fleet secret and of the access list, read at the start and again when
//! they have changed.
//!
//! A file that cannot be used ends the start. While the node runs it changes nothing: what was read
//! before holds on, and the log says so. Nor does an access list without a rule take the place of one that
//! has some: a file that is being written is empty for a moment. Each look is at the stamps of the files; only what has changed,
//! or what somebody asks for, is read.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use log::{error, info, warn};
use swarmlet_protocol::access::{AccessList, MAX_ACCESS_FILE};
use swarmlet_protocol::secret::{MAX_SECRET_FILE, Secrets};
use zeroize::Zeroizing;

use super::Supervisor;
use crate::messages::admission::{
    AccessChanged, ReloadAdmission, SecretsChanged, SetAccess, SetSecrets,
};
use crate::private::open_plain;
use crate::reason::reason;
use crate::workers::spawn_blocking;

/// 1 s: how often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// Who gets in, as a node is told at its start.
#[derive(Clone, Debug, Default)]
pub struct Admission {
    /// The fleet secret; none: links are open.
    pub secrets: Option<Secrets>,
    /// The file that they were read from, which is read again when it changes.
    pub secret_file: Option<PathBuf>,
    /// Who may have links.
    pub access: Arc<AccessList>,
    /// The file that it was read from.
    pub access_file: Option<PathBuf>,
}

/// By this a file is known to be the same as before.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
struct Stamp {
    place: (u64, u64),
    size: u64,
    changed: (i64, i64),
}

/// What was seen of the files when they were looked at last.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Seen {
    secrets: Option<Stamp>,
    access: Option<Stamp>,
    /// A look is on its way.
    looking: bool,
}

/// What a look has found.
struct Found {
    seen: Seen,
    secrets: Option<Result<Secrets, String>>,
    access: Option<Result<AccessList, String>>,
}

impl Admission {
    /// Reads the files that are named.
    ///
    /// # Errors
    /// One line that names the file and what is wrong with it.
    pub fn read(&mut self) -> Result<(), String> {
        if let Some(path) = &self.secret_file {
            self.secrets = Some(read_secrets(path)?);
        }
        if let Some(path) = &self.access_file {
            self.access = Arc::new(read_access(path)?);
        }
        Ok(())
    }

    /// Looks whether the rules can be kept.
    ///
    /// # Errors
    /// Nodes are named, and nobody proves which node it is.
    pub fn check(&self) -> Result<(), String> {
        if self.access.names_nodes() && self.secrets.is_none() {
            return Err(UNPROVED.to_owned());
        }
        Ok(())
    }
}

/// Why nodes cannot be told apart.
const UNPROVED: &str = "the access list names nodes, and without a fleet secret nobody proves which node he is: \
     name a secret (--fleet-secret-file), or list addresses only";

/// Why a list without a rule is not taken, and what to do.
const EMPTIED: &str = "the access list has no rule any more; the list of before is kept, as a file that is being written is empty for a \
     moment: to let everybody in, write 'allow 0.0.0.0/0' and 'allow ::/0', or start without --access-file; to \
     change a list, write another file and rename it to this one";

/// Reads the secrets of a file.
fn read_secrets(path: &Path) -> Result<Secrets, String> {
    let shown = path.display();
    let wrong = |what: &str| format!("the fleet secret in {shown} {what}");
    let read = || {
        let file = open_plain(path)?;
        let mode = file.metadata()?.mode();
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_SECRET_FILE + 1));
        file.take(MAX_SECRET_FILE as u64 + 1)
            .read_to_end(&mut bytes)?;
        Ok((bytes, mode))
    };
    let (bytes, mode) = read().map_err(|error| {
        let reason = reason(&error);
        format!(
            "cannot read the fleet secret {shown}: {reason}; it is a file of one line of 32 characters or more that nobody \
             guesses, such as `openssl rand -base64 32` prints"
        )
    })?;
    if mode & OTHERS_WRITE != 0 {
        return Err(wrong(&format!(
            "can be written by every user of this machine: chmod 600 {shown}"
        )));
    }
    if mode & GROUP_WRITE != 0 {
        warn!(
            "the group of the fleet secret {shown} can write it, and say who gets in: chmod 600 {shown}"
        );
    }
    if mode & OTHERS_READ != 0 && !is_mounted_secret(path) {
        warn!("every user of this machine can read the fleet secret {shown}: chmod 600 {shown}");
    }
    Secrets::parse(&bytes).map_err(|error| wrong(&error.to_string()))
}

/// The bits of a mode by which strangers read and write.
const OTHERS_READ: u32 = 0o004;
const OTHERS_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;

/// Container engines put secrets there, readable by all that runs in the container, and nobody can change
/// that.
fn is_mounted_secret(path: &Path) -> bool {
    path.starts_with("/run/secrets") || path.starts_with("/var/run/secrets")
}

fn read_access(path: &Path) -> Result<AccessList, String> {
    let shown = path.display();
    let read = || {
        let mut bytes = Vec::new();
        let most = MAX_ACCESS_FILE as u64 + 1;
        open_plain(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::NotFound => {
                "; make it (an empty one denies nobody), or leave the flag out"
            }
            _ => "",
        };
        format!(
            "cannot read the access list {shown}: {}{remedy}",
            reason(&error)
        )
    })?;
    AccessList::parse(&bytes).map_err(|error| format!("the access list {shown}, {error}"))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some(Stamp {
        place: (file.dev(), file.ino()),
        size: file.size(),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

/// Looks at the files, and reads those that have changed, or all.
fn look(secrets: Option<&Path>, access: Option<&Path>, before: Seen, all: bool) -> Found {
    // A stamp is taken before its file is read: what changes meanwhile is seen at the next look.
    let seen = Seen {
        secrets: secrets.and_then(stamp),
        access: access.and_then(stamp),
        looking: false,
    };
    Found {
        seen,
        secrets: secrets
            .filter(|_| all || seen.secrets != before.secrets)
            .map(read_secrets),
        access: access
            .filter(|_| all || seen.access != before.access)
            .map(read_access),
    }
}

impl Supervisor {
    /// Looks at the files from now on. They have just been read.
    pub(super) fn watch_admission(&mut self, context: &mut Context<Self>) {
        let Admission {
            secret_file,
            access_file,
            ..
        } = &self.settings.admission;
        if secret_file.is_none() && access_file.is_none() {
            return;
        }
        context.run_interval(LOOK, |supervisor, context| {
            supervisor.look_at_admission(false, context);
        });
    }

    fn look_at_admission(&mut self, all: bool, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.seen.looking, true) && !all {
            // A disk that is slow, or far away.
            return;
        }
        let admission = &self.settings.admission;
        let secrets = admission.secret_file.clone();
        let access = admission.access_file.clone();
        let before = self.seen;
        let looking =
            spawn_blocking(move || look(secrets.as_deref(), access.as_deref(), before, all));
        context.spawn(
            looking
                .into_actor(self)
                .map(|found, supervisor, _| match found {
                    Ok(found) => supervisor.found(found),
                    Err(_) => supervisor.seen.looking = false,
                }),
        );
    }

    fn found(&mut self, found: Found) {
        self.seen = found.seen;
        match found.secrets {
            None => {}
            Some(Ok(secrets)) => self.set_secrets(secrets),
            Some(Err(error)) => error!("{error}; the secret of before is kept"),
        }
        match found.access {
            None => {}
            // A shell's `>` and many an editor make a file empty before they write it.
            Some(Ok(access)) if access.is_empty() && !self.settings.admission.access.is_empty() => {
                warn!("{EMPTIED}");
            }
            Some(Ok(access)) => self.set_access(access),
            Some(Err(error)) => error!("{error}; the list of before is kept"),
        }
    }

    fn set_secrets(&mut self, secrets: Secrets) {
        let Some(security) = &self.security else {
            return;
        };
        if self.settings.admission.secrets.as_ref() == Some(&secrets) {
            return;
        }
        if let Err(error) = security.set_secrets(secrets.clone()) {
            error!(
                "the fleet secret cannot be used: {}; the secret of before is kept",
                reason(&error)
            );
            return;
        }
        let count = secrets.iter().count();
        info!(
            "the fleet secret has changed; accepted now: {}",
            crate::words::counted(count as u32, "secret")
        );
        self.settings.admission.secrets = Some(secrets.clone());
        if let Some(children) = &self.children {
            children.discovery.do_send(SecretsChanged(secrets));
        }
    }

    fn set_access(&mut self, access: AccessList) {
        if *self.settings.admission.access == access {
            return;
        }
        if access.names_nodes() && self.security.is_none() {
            error!("{UNPROVED}; the list of before is kept");
            return;
        }
        let rules = crate::words::counted(access.len() as u32, "rule");
        if access.is_empty() {
            // Whoever embeds the node said so.
            warn!("the access list has changed: {rules}; everybody may have links");
        } else {
            info!("the access list has changed: {rules}");
        }
        let access = Arc::new(access);
        self.settings.admission.access = Arc::clone(&access);
        if let Some(children) = &self.children {
            children.discovery.do_send(AccessChanged(access));
        }
    }
}

impl Handler<ReloadAdmission> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: ReloadAdmission, context: &mut Self::Context) {
        let Admission {
            secret_file,
            access_file,
            ..
        } = &self.settings.admission;
        if secret_file.is_some() || access_file.is_some() {
            info!("reading the fleet secret and the access list anew, as far as they have files");
            self.look_at_admission(true, context);
        }
    }
}

impl Handler<SetSecrets> for Supervisor {
    type Result = ();

    fn handle(&mut self, SetSecrets(secrets): SetSecrets, _: &mut Self::Context) {
        self.set_secrets(secrets);
    }
}

impl Handler<SetAccess> for Supervisor {
    type Result = ();

    fn handle(&mut self, SetAccess(access): SetAccess, _: &mut Self::Context) {
        self.set_access(access);
    }
}
