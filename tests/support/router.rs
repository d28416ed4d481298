//! A router that opens ports, in place of the one of a home: PCP (RFC 6887) and NAT-PMP (RFC 6886)
//! on UDP 5351, or UPnP (SSDP, and SOAP over HTTP). It forwards nothing; it keeps a list.
//!
//! Its threads end with the test's process; they only wait for packets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};

use super::network::Network;

/// What a router speaks, and how it answers.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Speaks {
    /// PCP; it grants that many seconds, at the port that was asked for plus this.
    Pcp { lease: u32, shift: u16 },
    /// NAT-PMP only.
    NatPmp,
    /// UPnP only.
    Upnp,
    /// UPnP, and it allows nothing.
    UpnpRefusing,
    /// Nothing, but it listens and counts.
    Nothing,
}

/// One thing that the router was asked, in a few words: `PCP map 6881`, `PCP unmap 6881`.
pub type Asked = Arc<Mutex<Vec<String>>>;

/// A router on a host of a network.
#[derive(Debug)]
pub struct Router {
    asked: Asked,
}

/// The port of PCP and NAT-PMP.
const DIRECT: u16 = 5351;
/// The group and port of SSDP.
const SSDP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 255, 255, 250), 1900);
/// Where the router describes itself.
const HTTP: u16 = 5000;

impl Router {
    /// Starts a router there, and has the other hosts use it.
    ///
    /// # Panics
    /// If its sockets cannot be had.
    pub fn start(network: &Network, host: u8, others: &[u8], speaks: Speaks) -> Self {
        let asked = Asked::default();
        let ip = network.ip(host);
        for &other in others {
            network.route_by(other, host);
        }
        let (direct, ssdp, http) = network.on(host, || {
            let direct = UdpSocket::bind((ip, DIRECT)).expect("listen for PCP");
            let ssdp = UdpSocket::bind(SSDP).expect("listen for SSDP");
            ssdp.join_multicast_v4(&SSDP.0, &ip).expect("join SSDP");
            let http = TcpListener::bind((ip, HTTP)).expect("listen for SOAP");
            (direct, ssdp, http)
        });
        let list = Arc::clone(&asked);
        std::thread::spawn(move || serve_direct(&direct, speaks, &list));
        let list = Arc::clone(&asked);
        std::thread::spawn(move || serve_ssdp(&ssdp, ip, speaks, &list));
        let list = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in http.incoming().flatten() {
                serve_http(&stream, speaks, &list);
            }
        });
        Self { asked }
    }

    /// All that it was asked.
    ///
    /// # Panics
    /// If one of its threads panicked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("the list").clone()
    }

    /// How often it was asked something that begins so.
    pub fn count(&self, start: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|one| one.starts_with(start)).count()
    }
}

fn note(asked: &Asked, what: String) {
    asked.lock().expect("the list").push(what);
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn serve_direct(socket: &UdpSocket, speaks: Speaks, asked: &Asked) {
    let mut packet = [0; 1_100];
    while let Ok((length, from)) = socket.recv_from(&mut packet) {
        let request = &packet[..length];
        let answer = match (request.first(), length) {
            (Some(2), 60) => pcp(request, speaks, asked),
            (Some(0), 12) => nat_pmp(request, speaks, asked),
            _ => None,
        };
        if let Some(answer) = answer {
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn pcp(request: &[u8], speaks: Speaks, asked: &Asked) -> Option<Vec<u8>> {
    let (wanted, port) = (number(&request[4..8]), number(&request[40..42]) as u16);
    let verb = if wanted == 0 { "unmap" } else { "map" };
    note(asked, format!("PCP {verb} {port}"));
    match speaks {
        Speaks::Pcp { lease, shift } => {
            let mut answer = vec![2, 0x81, 0, 0];
            answer.extend(if wanted == 0 { 0 } else { lease }.to_be_bytes());
            answer.extend([0; 16]);
            // The nonce, the protocol and the port of the question.
            answer.extend(&request[24..42]);
            answer.extend((port + shift).to_be_bytes());
            answer.extend(Ipv4Addr::new(198, 51, 100, 7).to_ipv6_mapped().octets());
            Some(answer)
        }
        // Version 0, result 1: not understood.
        Speaks::NatPmp => Some(vec![0, 0x81, 0, 1, 0, 0, 0, 0]),
        _ => None,
    }
}

fn nat_pmp(request: &[u8], speaks: Speaks, asked: &Asked) -> Option<Vec<u8>> {
    let (port, wanted) = (number(&request[4..6]) as u16, number(&request[8..12]));
    let verb = if wanted == 0 { "unmap" } else { "map" };
    note(asked, format!("NAT-PMP {verb} {port}"));
    if speaks != Speaks::NatPmp {
        return None;
    }
    let mut answer = vec![0, 128 + request[1], 0, 0, 0, 0, 0, 1];
    answer.extend(port.to_be_bytes());
    answer.extend(if wanted == 0 { 0 } else { port }.to_be_bytes());
    answer.extend(wanted.to_be_bytes());
    Some(answer)
}

fn serve_ssdp(socket: &UdpSocket, ip: Ipv4Addr, speaks: Speaks, asked: &Asked) {
    let mut packet = [0; 1_100];
    while let Ok((_, from)) = socket.recv_from(&mut packet) {
        note(asked, "SSDP search".into());
        if matches!(speaks, Speaks::Upnp | Speaks::UpnpRefusing) {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\
                 USN: uuid:1\r\nEXT:\r\nLOCATION: http://{ip}:{HTTP}/root.xml\r\n\r\n"
            );
            let _ = socket.send_to(answer.as_bytes(), from);
        }
    }
}

/// One request of a connection.
fn serve_http(stream: &TcpStream, speaks: Speaks, asked: &Asked) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let body = String::from_utf8_lossy(&body);
    let (status, text) = answer(&head, &body, speaks, asked);
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
}

fn answer(head: &str, body: &str, speaks: Speaks, asked: &Asked) -> (&'static str, String) {
    if head.starts_with("GET /root.xml") {
        return ("200 OK", ROOT.into());
    }
    if head.starts_with("GET /scpd.xml") {
        return ("200 OK", scpd());
    }
    let value = |tag: &str| {
        let (_, rest) = body.split_once(&format!("<{tag}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    let port = value("NewExternalPort").unwrap_or_default();
    let verb = match () {
        () if body.contains(":AddPortMapping") => "AddPortMapping",
        () if body.contains(":DeletePortMapping") => "DeletePortMapping",
        () => return ("500 Error", fault(401, "Invalid Action")),
    };
    let client = value("NewInternalClient").unwrap_or_default();
    note(
        asked,
        format!("UPnP {verb} {port} {client}").trim_end().into(),
    );
    if speaks == Speaks::UpnpRefusing {
        return ("500 Error", fault(606, "Action not authorized"));
    }
    let text = format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Body><u:{verb}Response xmlns:u=\"{SERVICE}\"/></s:Body></s:Envelope>"
    );
    ("200 OK", text)
}

fn fault(code: u16, words: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
         <s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>\
         <UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\"><errorCode>{code}</errorCode>\
         <errorDescription>{words}</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>"
    )
}

const SERVICE: &str = "urn:schemas-upnp-org:service:WANIPConnection:1";

const ROOT: &str = "<?xml version=\"1.0\"?><root xmlns=\"urn:schemas-upnp-org:device-1-0\"><device>\
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><deviceList><device>\
<deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><deviceList><device>\
<deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType><serviceList><service>\
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>\
<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><controlURL>/control</controlURL>\
<eventSubURL>/event</eventSubURL><SCPDURL>/scpd.xml</SCPDURL></service></serviceList></device>\
</deviceList></device></deviceList></device></root>";

/// The two actions and their arguments.
fn scpd() -> String {
    let action = |name: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|argument| {
            format!("<argument><name>{argument}</name><direction>in</direction></argument>")
        });
        let arguments: String = arguments.collect();
        format!("<action><name>{name}</name><argumentList>{arguments}</argumentList></action>")
    };
    let key = ["NewRemoteHost", "NewExternalPort", "NewProtocol"];
    let rest = [
        "NewInternalPort",
        "NewInternalClient",
        "NewEnabled",
        "NewPortMappingDescription",
        "NewLeaseDuration",
    ];
    format!(
        "<?xml version=\"1.0\"?><scpd xmlns=\"urn:schemas-upnp-org:service-1-0\"><actionList>{}{}\
         </actionList></scpd>",
        action("AddPortMapping", &[&key[..], &rest].concat()),
        action("DeletePortMapping", &key)
    )
}
