//! Who may do what: the rules of the HTTP face, without a request in sight.
//!
//! Whoever comes by the socket in the state directory may do everything: its file is the owner's. A
//! change needs the token. So does a look from another machine, unless the operator opened what is
//! looked at. A look from this machine needs none, but must name an address of this machine as its
//! host: a page of a stranger that a browser here has open can be given any name in DNS, and would
//! read along (DNS rebinding).

use std::net::IpAddr;
use std::str::FromStr;

use subtle::ConstantTimeEq;

/// What a request is about.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Need {
    /// To look.
    Look(Topic),
    /// To change something.
    Change,
}

/// What can be looked at, and opened to other machines.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Topic {
    /// How the node is: the API and the event stream.
    Status,
    /// Its metrics.
    Metrics,
    /// Its contents.
    Content,
}

/// Who asks.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Caller<'a> {
    /// It came by the socket.
    pub(super) by_socket: bool,
    /// Where it is.
    pub(super) ip: Option<IpAddr>,
    /// The host that it named.
    pub(super) host: Option<&'a str>,
    /// The token that it bears.
    pub(super) token: Option<&'a str>,
}

/// Why a request is refused.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Denied {
    /// It bears no token.
    NoToken,
    /// It bears another token.
    WrongToken,
    /// It would need one, and the node has none.
    NoneSet,
    /// It names a host that is not this machine.
    Host,
}

impl Denied {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NoToken => {
                "send the node's token as 'Authorization: Bearer TOKEN'; it lies in the file http-token \
                 of its state directory, unless --http-token-file names another"
            }
            Self::WrongToken => "this is not the token of this node",
            Self::NoneSet => {
                "this node has no token: give it a state directory, or one with --http-token-file"
            }
            Self::Host => {
                "a request from this machine without a token must be made to an IP address or to \
                 localhost"
            }
        }
    }
}

/// The rules of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Access {
    token: Option<String>,
    open: Vec<Topic>,
}

impl Access {
    pub(super) const fn new(token: Option<String>, open: Vec<Topic>) -> Self {
        Self { token, open }
    }

    /// May it?
    pub(super) fn judge(&self, need: Need, caller: &Caller<'_>) -> Result<(), Denied> {
        if caller.by_socket {
            return Ok(());
        }
        if caller.token.is_some() {
            return self.check(caller.token);
        }
        let Need::Look(topic) = need else {
            return self.check(None);
        };
        if self.open.contains(&topic) {
            return Ok(());
        }
        if !caller.ip.is_some_and(|ip| ip.to_canonical().is_loopback()) {
            return self.check(None);
        }
        match caller.host.is_some_and(is_here) {
            true => Ok(()),
            false => Err(Denied::Host),
        }
    }

    /// May it change things?
    pub(super) fn can_change(&self, caller: &Caller<'_>) -> bool {
        self.judge(Need::Change, caller).is_ok()
    }

    fn check(&self, token: Option<&str>) -> Result<(), Denied> {
        let ours = self.token.as_deref().ok_or(Denied::NoneSet)?;
        let theirs = token.ok_or(Denied::NoToken)?;
        // How long it takes says nothing of the token but its length.
        match bool::from(ours.as_bytes().ct_eq(theirs.as_bytes())) {
            true => Ok(()),
            false => Err(Denied::WrongToken),
        }
    }
}

/// Does this `Host` name an address, or this machine, and not something that DNS could say?
fn is_here(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "status" => Ok(Self::Status),
            "metrics" => Ok(Self::Metrics),
            "content" => Ok(Self::Content),
            _ => Err("it is none of status, metrics and content".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Need = Need::Look(Topic::Status);

    fn access() -> Access {
        Access::new(Some("secret".to_owned()), vec![Topic::Metrics])
    }

    fn from(ip: &str, host: &'static str) -> Caller<'static> {
        Caller {
            ip: Some(ip.parse().unwrap()),
            host: Some(host),
            ..Caller::default()
        }
    }

    #[test]
    fn a_change_needs_the_token_wherever_it_comes_from() {
        for ip in ["127.0.0.1", "10.0.0.7", "::1", "::ffff:127.0.0.1"] {
            let mut caller = from(ip, "localhost");
            assert_eq!(access().judge(Need::Change, &caller), Err(Denied::NoToken));
            caller.token = Some("secret");
            assert_eq!(access().judge(Need::Change, &caller), Ok(()));
            for wrong in ["", "secre", "secrets", "Secret"] {
                caller.token = Some(wrong);
                assert_eq!(
                    access().judge(Need::Change, &caller),
                    Err(Denied::WrongToken)
                );
            }
        }
        let none = Access::new(None, Vec::new());
        let caller = from("127.0.0.1", "localhost");
        assert_eq!(none.judge(Need::Change, &caller), Err(Denied::NoneSet));
        let bearing = Caller {
            token: Some(""),
            ..caller
        };
        assert_eq!(none.judge(Need::Change, &bearing), Err(Denied::NoneSet));
    }

    #[test]
    fn a_look_from_this_machine_needs_no_token_but_an_honest_host() {
        for host in [
            "127.0.0.1:6880",
            "localhost",
            "LOCALHOST:1",
            "[::1]:6880",
            "10.1.2.3",
        ] {
            assert_eq!(
                access().judge(LOOK, &from("127.3.4.5", host)),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "evil.example:6880",
            "",
            "127.0.0.1.evil.example",
            "[evil]",
        ] {
            let denied = access().judge(LOOK, &from("127.0.0.1", host));
            assert_eq!(denied, Err(Denied::Host), "{host}");
        }
        let nameless = Caller {
            host: None,
            ..from("127.0.0.1", "")
        };
        assert_eq!(access().judge(LOOK, &nameless), Err(Denied::Host));
    }

    #[test]
    fn a_look_from_elsewhere_needs_the_token_unless_it_was_opened() {
        let caller = from("10.0.0.7", "10.0.0.1");
        assert_eq!(access().judge(LOOK, &caller), Err(Denied::NoToken));
        assert_eq!(
            access().judge(Need::Look(Topic::Content), &caller),
            Err(Denied::NoToken)
        );
        assert_eq!(access().judge(Need::Look(Topic::Metrics), &caller), Ok(()));
        let none = Access::new(None, Vec::new());
        assert_eq!(none.judge(LOOK, &caller), Err(Denied::NoneSet));
    }

    #[test]
    fn a_wrong_token_is_refused_even_where_none_is_needed() {
        let caller = Caller {
            token: Some("wrong"),
            ..from("127.0.0.1", "localhost")
        };
        assert_eq!(access().judge(LOOK, &caller), Err(Denied::WrongToken));
    }

    #[test]
    fn who_comes_by_the_socket_may_do_everything() {
        let caller = Caller {
            by_socket: true,
            ..Caller::default()
        };
        assert!(Access::default().can_change(&caller));
    }
}
