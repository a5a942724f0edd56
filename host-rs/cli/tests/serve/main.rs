//! Tests of `converge serve` as a process, with real sockets and files.

mod access;
mod admin;
mod clients;
mod durable;
mod hostile;
mod load;
mod mutations;
mod requests;

use converge_rig::net::{Client, Replica};
use serde_json::Value as Json;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome = Result<(), Failure>;

/// How long a test waits for something that should happen soon.
const SOON: Duration = Duration::from_secs(20);

/// A folder for the data of a server and for other files.
struct Place(TempDir);

impl Place {
    fn new() -> Result<Self, Failure> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Starts a server on a free port.
    fn serve(&self, args: &[&str]) -> Result<Server, Failure> {
        Server::start(&self.data(), args)
    }

    /// Returns the file of a document whose name needs no escapes.
    fn file(&self, name: &str) -> Result<PathBuf, Failure> {
        for folder in fs::read_dir(self.data().join("docs"))? {
            let file = folder?.path().join(format!("{name}.db"));
            if file.exists() {
                return Ok(file);
            }
        }
        Err(format!("{name} has no file").into())
    }

    /// Runs another command of the program.
    fn run(&self, args: &[&str]) -> Result<String, Failure> {
        let output = Command::new(env!("CARGO_BIN_EXE_converge")).current_dir(self.0.path()).args(args).output()?;
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout)?.trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
        }
    }
}

/// A running server.
struct Server {
    child: Child,
    address: SocketAddr,
    log: Arc<Mutex<String>>,
}

impl Server {
    fn start(data: &Path, args: &[&str]) -> Result<Self, Failure> {
        Self::of(Command::new(env!("CARGO_BIN_EXE_converge")), data, args)
    }

    /// Starts a server by a command that is the program, or runs it.
    fn of(mut command: Command, data: &Path, args: &[&str]) -> Result<Self, Failure> {
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let log = Arc::new(Mutex::new(String::new()));
        let (errors, kept) = (child.stderr.take().ok_or("no standard error")?, log.clone());
        thread::spawn(move || {
            for line in BufReader::new(errors).lines().map_while(Result::ok) {
                let mut log = kept.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line.trim_end().rsplit_once("http://").and_then(|(_, address)| address.parse().ok());
        let Some(address) = address else {
            let status = child.wait()?;
            thread::sleep(Duration::from_millis(50));
            let log = log.lock().unwrap_or_else(PoisonError::into_inner);
            return Err(format!("the server did not start: {status}, {line}{log}").into());
        };
        // Nobody reads further lines.
        thread::spawn(move || output.read_to_end(&mut Vec::new()));
        Ok(Self { child, address, log })
    }

    fn address(&self) -> String {
        self.address.to_string()
    }

    fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills the process, as `kill -9` does.
    fn kill(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal.
    fn signal(&self, signal: &str) -> Outcome {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status()?;
        if status.success() { Ok(()) } else { Err("kill failed".into()) }
    }

    /// Waits for the end of the process.
    fn end(&mut self) -> Result<ExitStatus, Failure> {
        let start = Instant::now();
        loop {
            match self.child.try_wait()? {
                Some(status) => return Ok(status),
                None if start.elapsed() > SOON => return Err("the server does not end".into()),
                None => thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Returns the resident memory of the process in bytes.
    fn memory(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Connects a replica with this peer's name to a document.
    async fn connect(&self, document: &str, token: &str, peer: &str) -> Result<Client, Failure> {
        let client = Client::connect(&self.address(), document, token, Replica::new(peer)?).await;
        client.map_err(|failed| failed.to_string().into())
    }

    fn get(&self, path: &str) -> Request {
        self.request("GET", path)
    }

    fn post(&self, path: &str) -> Request {
        self.request("POST", path)
    }

    fn request(&self, method: &'static str, path: &str) -> Request {
        Request { method, url: format!("http://{}{path}", self.address), headers: Vec::new() }
    }

    /// Waits until a condition holds.
    fn until(&self, what: &str, mut holds: impl FnMut() -> Result<bool, Failure>) -> Outcome {
        let start = Instant::now();
        while !holds()? {
            if start.elapsed() > SOON {
                return Err(format!("{what}: did not happen; {}", self.log()).into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// A request that is not sent yet.
struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    fn send(self, body: &[u8]) -> Result<Answer, Failure> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(SOON));
        let agent = ureq::Agent::new_with_config(config.build());
        let mut request = ureq::http::Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = agent.run(request.body(body.to_vec())?)?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let body = response.body_mut().with_config().limit(1 << 30).read_to_vec()?;
        Ok(Answer { status, headers, body })
    }

    fn json(self, body: &Json) -> Result<Answer, Failure> {
        self.send(body.to_string().as_bytes())
    }

    fn empty(self) -> Result<Answer, Failure> {
        self.send(&[])
    }
}

/// A response.
struct Answer {
    status: u16,
    headers: ureq::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// Fails unless the response has this status.
    fn expect(self, status: u16) -> Result<Self, Failure> {
        match self.status == status {
            true => Ok(self),
            false => {
                Err(format!("{} instead of {status}: {}", self.status, String::from_utf8_lossy(&self.body)).into())
            }
        }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Result<Json, Failure> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}
