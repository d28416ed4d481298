//! UDP trackers (BEP 15): a socket for each announce. What is said is for the machine to decide.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use swarmlet_protocol::tracker::udp::{Conversation, Step};
use swarmlet_protocol::tracker::{Announce, Answer, TrackerUrl};
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::{timeout, timeout_at};

use super::ask::AskFailure;
use crate::chance;
use crate::clock::Clock;
use crate::reason::reason;

/// 10 s until a tracker's name must have been resolved.
const RESOLVE: Duration = Duration::from_secs(10);

/// 4 KiB of a packet are read: 20 bytes and 200 IPv6 addresses take 3,620.
const MAX_PACKET: usize = 4 * 1024;

/// 64 packets that are not for us, then it is over: a tracker must not keep us by talking.
const MAX_STRAY: usize = 64;

/// One announce, from the first packet to the answer or the end of patience.
pub(super) async fn announce(
    tracker: &TrackerUrl,
    announce: Announce,
    from: IpAddr,
    clock: Clock,
) -> Result<Answer, AskFailure> {
    let socket = connect(tracker, from)
        .await
        .map_err(|error| AskFailure::new(reason(&error)))?;
    let lost = |error: io::Error| AskFailure::new(reason(&error));
    let ipv6 = socket.peer_addr().is_ok_and(|addr| addr.is_ipv6());
    let (mut conversation, packet) =
        Conversation::begin(announce, ipv6, chance::seed(), clock.now());
    socket.send(&packet).await.map_err(lost)?;
    let mut buffer = vec![0; MAX_PACKET];
    let mut stray = 0;
    loop {
        let deadline = clock.instant(conversation.deadline());
        let step = match timeout_at(deadline, socket.recv(&mut buffer)).await {
            Ok(received) => {
                let length = received.map_err(lost)?;
                let packet = buffer.get(..length).unwrap_or_default();
                conversation.received(packet, clock.now())
            }
            Err(_) => conversation.tick(clock.now()),
        };
        match step {
            Some(Step::Send(packet)) => {
                socket.send(&packet).await.map_err(lost)?;
            }
            Some(Step::Done(outcome)) => return outcome.map_err(AskFailure::from),
            None => stray += 1,
        }
        if stray > MAX_STRAY {
            return Err(AskFailure::new("it sends packets that were not asked for"));
        }
    }
}

/// A socket that speaks with that tracker alone, from the address that we listen on.
async fn connect(tracker: &TrackerUrl, from: IpAddr) -> io::Result<UdpSocket> {
    let looking = lookup_host((tracker.host(), tracker.port()));
    let found = timeout(RESOLVE, looking).await.map_err(|_| {
        io::Error::new(io::ErrorKind::TimedOut, "its name is not resolved in time")
    })??;
    let found: Vec<SocketAddr> = found.collect();
    // An address that can be reached from ours, if there is one.
    let fits = |addr: &&SocketAddr| from.is_unspecified() || addr.is_ipv4() == from.is_ipv4();
    let Some(&to) = found.iter().find(fits).or_else(|| found.first()) else {
        return Err(io::Error::other("its name has no address"));
    };
    let own = match to {
        _ if !from.is_unspecified() && from.is_ipv4() == to.is_ipv4() => from,
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((own, 0)).await?;
    socket.connect(to).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::id::{InfoHash, PeerId};
    use swarmlet_protocol::tracker::{Event, Figures};

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn ask(tracker: &UdpSocket) -> Result<Answer, AskFailure> {
        let url = format!("udp://{}", tracker.local_addr().unwrap());
        let said = Announce {
            info_hash: InfoHash([1; 20]),
            peer_id: PeerId([2; 20]),
            port: 1,
            key: 3,
            event: Event::Started,
            figures: Figures::default(),
            wanted: 4,
            tracker_id: None,
        };
        announce(&url.parse().unwrap(), said, LOOPBACK, Clock::start()).await
    }

    #[actix_rt::test]
    async fn a_tracker_that_talks_and_does_not_answer_is_left() {
        let tracker = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        let talking = async {
            let mut packet = [0; 64];
            let (_, from) = tracker.recv_from(&mut packet).await.unwrap();
            loop {
                tracker.send_to(b"not an answer", from).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let outcome = tokio::select! {
            outcome = ask(&tracker) => outcome,
            () = talking => unreachable!("it talks for ever"),
        };
        let failure = outcome.unwrap_err();
        assert!(!failure.refused);
        assert_eq!(failure.why, "it sends packets that were not asked for");
    }

    #[actix_rt::test]
    async fn a_refusal_is_told_from_a_failure() {
        let tracker = UdpSocket::bind((LOOPBACK, 0)).await.unwrap();
        let refusing = async {
            let mut packet = [0; 64];
            let (_, from) = tracker.recv_from(&mut packet).await.unwrap();
            let error = [&[0, 0, 0, 3], &packet[12..16], b"go away"].concat();
            tracker.send_to(&error, from).await.unwrap();
        };
        let (outcome, ()) = tokio::join!(ask(&tracker), refusing);
        let failure = outcome.unwrap_err();
        assert!(failure.refused);
        assert_eq!(failure.why, "it refuses: go away");
    }
}
