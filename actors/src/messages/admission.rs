//! Words about who gets in: the fleet secret and the access list, when they have changed.

use std::sync::Arc;

use actix::Message;
use swarmlet_protocol::access::AccessList;
use swarmlet_protocol::secret::Secrets;

/// Read the files of the fleet secret and of the access list anew, whether or not they seem to have
/// changed. From whoever embeds the node, or a signal, to the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ReloadAdmission;

/// This is the access list from now on: links that it denies are closed. From the supervisor to
/// discovery.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct AccessChanged(pub Arc<AccessList>);

/// These are the secrets from now on: links by another one are closed, and come back by one of these.
/// From the supervisor to discovery.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SecretsChanged(pub Secrets);

/// These are the secrets from now on. From whoever embeds the node, to the supervisor; nothing happens in
/// a node that was started without one.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SetSecrets(pub Secrets);

/// This is the access list from now on. From whoever embeds the node, to the supervisor.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SetAccess(pub AccessList);
