//! A running node, asked and told: what the command line, the HTTP face and an embedder's own code use.

use std::net::IpAddr;
use std::time::Duration;

use actix::Recipient;
use swarmlet_actors::messages::events::Event;
use swarmlet_actors::messages::operator::{
    AddPeers, AddShare, BanHost, Listen, PauseSwarm, ReadContent, Refusal, RemoveSwarm, UnbanHost,
    VerifySwarm,
};
use swarmlet_actors::messages::report::{NodeReport, QueryNode, QueryPieces};
use swarmlet_actors::supervisor::Share;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::picker::PieceState;

use crate::{Node, Reader};

impl Node {
    /// What the node looks like now: its contents and why they wait, its links, its actors. `None` of
    /// a node that is shut down.
    pub async fn report(&self) -> Option<NodeReport> {
        self.supervisor.send(QueryNode).await.ok()
    }

    /// Where every piece of a content stands; nothing while it is not known what it is.
    pub async fn pieces(&self, info_hash: InfoHash) -> Vec<PieceState> {
        let asked = self.supervisor.send(QueryPieces { info_hash });
        asked.await.unwrap_or_default()
    }

    /// Has this recipient hear of the node's events from now on, and first how things stand: where the
    /// node listens, and of each content that it is kept, what it is, and whether it is complete.
    pub fn listen(&self, listener: Recipient<Event>) {
        self.supervisor.do_send(Listen(listener));
    }

    /// Keeps this content as well, in this life and, if the node has a state directory, in the next
    /// ones.
    ///
    /// # Errors
    /// It is kept already, there are too many, or it cannot be kept there.
    pub async fn add(&self, share: Share) -> Result<InfoHash, Refusal> {
        self.supervisor.send(AddShare(share)).await.map_err(gone)?
    }

    /// Keeps this content no longer; its files stay. What the configuration names comes back with the
    /// next start.
    ///
    /// # Errors
    /// There is no such content.
    pub async fn remove(&self, info_hash: InfoHash) -> Result<(), Refusal> {
        let asked = self.supervisor.send(RemoveSwarm { info_hash });
        asked.await.map_err(gone)?
    }

    /// Neither fetches nor serves anything of this content until it is resumed, in later lives as well.
    ///
    /// # Errors
    /// There is no such content.
    pub async fn pause(&self, info_hash: InfoHash) -> Result<(), Refusal> {
        self.set_paused(info_hash, true).await
    }

    /// Goes on after [`Node::pause`].
    ///
    /// # Errors
    /// There is no such content.
    pub async fn resume(&self, info_hash: InfoHash) -> Result<(), Refusal> {
        self.set_paused(info_hash, false).await
    }

    /// Checks every piece of this content anew. What is wrong is fetched again.
    ///
    /// # Errors
    /// There is no such content, or it is not known yet what it is.
    pub async fn verify(&self, info_hash: InfoHash) -> Result<(), Refusal> {
        let asked = self.supervisor.send(VerifySwarm { info_hash });
        asked.await.map_err(gone)?
    }

    /// Closes the links with this host and speaks to it no more: for that time, or until
    /// [`Node::unban`], in later lives as well.
    pub fn ban(&self, ip: IpAddr, time: Option<Duration>) {
        self.supervisor.do_send(BanHost { ip, time });
    }

    /// Speaks to this host again; says whether it was banned.
    pub async fn unban(&self, ip: IpAddr) -> bool {
        self.supervisor
            .send(UnbanHost { ip })
            .await
            .unwrap_or(false)
    }

    /// Tells the node of addresses where peers may be, of whichever content. Names are resolved again
    /// and again. This is how a source of peers of your own is joined to a node.
    pub fn add_peers(&self, peers: impl IntoIterator<Item = PeerAddress>) {
        let peers = peers.into_iter().collect();
        self.supervisor.do_send(AddPeers(peers));
    }

    /// Reads a part of a content, or all of it with `..`, also while it is on its way: what is
    /// missing is fetched first. Offsets are those of the content: a folder's files one after the
    /// other, see [`report::SwarmReport::info`](crate::report::SwarmReport::info).
    ///
    /// # Errors
    /// There is no such content, or it is not known yet what it is.
    pub async fn read(
        &self,
        info_hash: InfoHash,
        range: impl std::ops::RangeBounds<u64>,
    ) -> Result<Reader, Refusal> {
        let asked = self.supervisor.send(ReadContent { info_hash });
        let content = asked.await.map_err(gone)??;
        Ok(Reader::new(content, range))
    }

    async fn set_paused(&self, info_hash: InfoHash, paused: bool) -> Result<(), Refusal> {
        let asked = self.supervisor.send(PauseSwarm { info_hash, paused });
        asked.await.map_err(gone)?
    }
}

fn gone(_: actix::MailboxError) -> Refusal {
    Refusal::NotNow("this node is shut down".to_owned())
}
