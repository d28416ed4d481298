//! A running node, asked and told: what the command line, the HTTP face and an embedder's own code use.

use std::net::IpAddr;
use std::time::Duration;

use actix::Recipient;
use swarmlet_actors::messages::admission::{ReloadAdmission, SetAccess, SetSecrets};
use swarmlet_actors::messages::events::Event;
use swarmlet_actors::messages::operator::{
    AddPeers, AddShare, BanHost, Listen, PauseSwarm, ReadContent, Refusal, RemoveSwarm, UnbanHost,
    VerifySwarm,
};
use swarmlet_actors::messages::report::{NodeReport, QueryNode, QueryPieces};
use swarmlet_actors::supervisor::Share;
use swarmlet_protocol::access::AccessList;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::picker::PieceState;
use swarmlet_protocol::secret::Secrets;

use crate::{Events, Node, Reader};

/// 1 s: how often it is looked whether all is here, beside what is heard: an event is a hint, and only a
/// report is the truth.
const LOOK: Duration = Duration::from_secs(1);

impl Node {
    /// What the node looks like now: its contents and why they wait, its links, its actors. `None` of
    /// a node that is shut down.
    ///
    /// ```no_run
    /// # async fn run(node: swarmlet::Node) {
    /// if let Some(report) = node.report().await {
    ///     for swarm in &report.swarms {
    ///         let progress = &swarm.progress;
    ///         println!("{}: {} of {} bytes", swarm.info_hash, progress.bytes, progress.size);
    ///     }
    ///     println!("{} links, {} bytes/s", report.links.len(), report.rates.down);
    /// }
    /// # }
    /// ```
    pub async fn report(&self) -> Option<NodeReport> {
        self.supervisor.send(QueryNode).await.ok()
    }

    /// Where every piece of a content stands; nothing while it is not known what it is.
    pub async fn pieces(&self, info_hash: InfoHash) -> Vec<PieceState> {
        let asked = self.supervisor.send(QueryPieces { info_hash });
        asked.await.unwrap_or_default()
    }

    /// Waits until every content is here and verified, and there is one. What it is may have to be
    /// learned first, so this may take for ever: give it a time limit of your own.
    ///
    /// ```no_run
    /// # async fn run(node: swarmlet::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// tokio::time::timeout(Duration::from_secs(600), node.completed()).await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The node was shut down or failed, or one of its contents cannot be kept.
    pub async fn completed(&self) -> Result<(), Refusal> {
        let mut events = self.events();
        loop {
            let report = self.report().await.ok_or_else(shut_down)?;
            if report.ready {
                return Ok(());
            }
            if let Some(refused) = report.swarms.into_iter().find_map(|swarm| swarm.refused) {
                return Err(Refusal::Place(refused));
            }
            let news = async {
                loop {
                    match events.next().await {
                        Some(Event::Completed { .. } | Event::ContentRefused { .. }) => {
                            return Ok(());
                        }
                        Some(Event::Failed { error }) => return Err(Refusal::NotNow(error)),
                        Some(_) => {}
                        None => return Err(shut_down()),
                    }
                }
            };
            tokio::time::timeout(LOOK, news).await.unwrap_or(Ok(()))?;
        }
    }

    /// The node's events from now on, to be read one after the other. Right after [`start`], on the
    /// same thread, that is all of them.
    ///
    /// [`start`]: crate::NodeBuilder::start
    pub fn events(&self) -> Events {
        Events::new(&self.listeners)
    }

    /// Has this recipient hear of the node's events from now on, and first how things stand: where the
    /// node listens, and of each content that it is kept, what it is, and whether it is complete.
    pub fn listen(&self, listener: Recipient<Event>) {
        self.supervisor.do_send(Listen(listener));
    }

    /// Keeps this content as well, in this life and, if the node has a state directory, in the next
    /// ones.
    ///
    /// ```no_run
    /// # async fn run(node: swarmlet::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// use swarmlet::{Place, Share};
    ///
    /// let magnet = "magnet:?xt=urn:btih:8e1c5d4be4b17e7d1c6e0ac9c81f8b1d5c1f2a37".parse()?;
    /// let info_hash = node.add(Share::magnet(magnet, Place::Under("/srv".into()))).await?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// and again. This is how a source of peers of your own is joined to a node; what it says twice
    /// costs nothing.
    ///
    /// ```no_run
    /// # fn run(node: swarmlet::Node) -> Result<(), Box<dyn std::error::Error>> {
    /// node.add_peers(["10.0.0.7".parse()?, "seeder.example:6881".parse()?]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn add_peers(&self, peers: impl IntoIterator<Item = PeerAddress>) {
        let peers = peers.into_iter().collect();
        self.supervisor.do_send(AddPeers(peers));
    }

    /// Reads a part of a content, or all of it with `..`, also while it is on its way: what is
    /// missing is fetched first. Offsets are those of the content: a folder's files one after the
    /// other, see [`report::SwarmReport::info`](crate::report::SwarmReport::info).
    ///
    /// ```no_run
    /// # async fn run(
    /// #     node: swarmlet::Node,
    /// #     info_hash: swarmlet::protocol::id::InfoHash,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// // The eleventh MiB, before all else.
    /// let mut reader = node.read(info_hash, 10 << 20..11 << 20).await?;
    /// while let Some(bytes) = reader.next().await? {
    ///     println!("{} bytes", bytes.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
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

    /// Reads the files of the fleet secret and of the access list anew, as far as the node has such. They
    /// are also read within a second when they change. What is wrong with one is in the log, and what held
    /// before holds on.
    pub fn reload(&self) {
        self.supervisor.do_send(ReloadAdmission);
    }

    /// Accepts these secrets from now on, and prefers the first. Links by others are closed, and come back
    /// by one of these. Nothing happens in a node that was started without a secret.
    pub fn set_fleet_secrets(&self, secrets: Secrets) {
        self.supervisor.do_send(SetSecrets(secrets));
    }

    /// Lets those in from now on whom this list allows. Links that it denies are closed.
    pub fn set_access(&self, list: AccessList) {
        self.supervisor.do_send(SetAccess(list));
    }

    async fn set_paused(&self, info_hash: InfoHash, paused: bool) -> Result<(), Refusal> {
        let asked = self.supervisor.send(PauseSwarm { info_hash, paused });
        asked.await.map_err(gone)?
    }
}

fn gone(_: actix::MailboxError) -> Refusal {
    shut_down()
}

fn shut_down() -> Refusal {
    Refusal::NotNow("this node is shut down".to_owned())
}
