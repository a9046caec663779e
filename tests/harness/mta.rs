//! A real mail transfer agent (Exim) on a port and in a directory of its own.

use super::{
    lines::Lines,
    wait::{now, poll_until},
};
use nix::unistd::{User, chown, geteuid};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
};
use tempfile::TempDir;

/// The running agent. Dropped, it ends.
pub(crate) struct Exim {
    child: Child,
    output: Lines,
    directory: TempDir,
    port: u16,
}

impl Exim {
    /// Starts it; it takes every mail and keeps it in a maildir.
    pub(crate) fn start() -> Self {
        Self::with("tls_advertise_hosts =\nacl_smtp_rcpt = accept_all\n", "")
    }

    /// Starts it so that it wants STARTTLS and a login (`me`, `sesame`), and takes mails from nobody else. Its certificate is for
    /// `localhost`, signed by `src/notify/tests/tls/ca.pem`.
    pub(crate) fn start_guarded() -> Self {
        let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/src/notify/tests/tls");
        Self::with(
            &format!(
                "tls_advertise_hosts = *\ntls_certificate = {tls}/server.pem\ntls_privatekey = {tls}/server.key\n\
                 auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}\nacl_smtp_rcpt = accept_known\n"
            ),
            "begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n  \
             server_condition = ${if and{{eq{$auth2}{me}}{eq{$auth3}{sesame}}}}\n  server_set_id = $auth2\n",
        )
    }

    fn with(policy: &str, authenticators: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        // Exim delivers nothing as root, so there its own user does.
        let user = if geteuid().is_root() { "Debian-exim" } else { "" };
        for folder in ["spool", "log", "mail"] {
            let folder = directory.path().join(folder);
            fs::create_dir(&folder).expect("the folder can be made");
            give(&folder, user);
        }
        give(directory.path(), user);
        // Exim cannot choose a port itself and say which, so a free one is asked for and given back just before.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port").port();
        let at = directory.path().display();
        let owner = if user.is_empty() { String::new() } else { format!("  user = {user}\n") };
        let config = directory.path().join("exim.conf");
        let text = format!(
            "spool_directory = {at}/spool\nlog_file_path = {at}/log/%slog\npid_file_path = {at}/exim.pid\n\
             primary_hostname = mail.test\nlocal_interfaces = 127.0.0.1\ndaemon_smtp_ports = {port}\n{policy}\
             host_lookup =\nrfc1413_query_timeout = 0s\nkeep_environment =\n\
             begin acl\naccept_all:\n  accept\naccept_known:\n  accept authenticated = *\n  deny message = log in first\nbegin routers\nall:\n  driver = accept\n  transport = to_file\n\
             begin transports\nto_file:\n  driver = appendfile\n  directory = {at}/mail\n  maildir_format\n  envelope_to_add\n{owner}{authenticators}"
        );
        fs::write(&config, text).expect("the configuration can be written");
        let mut child = Command::new("/usr/sbin/exim4")
            .args(["-bdf", "-q1h", "-C"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("exim4 is installed by tests/run.sh");
        let output = Lines::default();
        output.follow(child.stdout.take().expect("it is piped"));
        output.follow(child.stderr.take().expect("it is piped"));
        let start = now();
        poll_until("exim to listen", || {
            if let Some(status) = child.try_wait().expect("it is our child") {
                panic!("exim ended after {:?}: {status}: {:?}", start.elapsed(), output.all());
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        Self { child, output, directory, port }
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// `[[receiver]]` for a configuration: mail to `to` through this agent.
    pub(crate) fn receiver(&self, name: &str, to: &[&str]) -> String {
        format!(
            "[[receiver]]\nname = \"{name}\"\ntype = \"email\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
             from = \"ccxwatch <ccxwatch@example.com>\"\nto = {to:?}\n",
            self.port
        )
    }

    /// The same for [`Exim::start_guarded`], with this password's file and what else there is to say.
    pub(crate) fn guarded_receiver(&self, name: &str, password: &Path, more: &str) -> String {
        format!(
            "[[receiver]]\nname = \"{name}\"\ntype = \"email\"\nhost = \"localhost\"\nport = {}\nusername = \"me\"\n\
             password_file = \"{}\"\nfrom = \"ccxwatch <ccxwatch@example.com>\"\nto = [\"{name}@example.com\"]\n{more}\n",
            self.port,
            password.display()
        )
    }

    /// Waits until that many mails have been delivered, and returns them.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<String> {
        let log = self.directory.path().join("log/mainlog");
        poll_until("exim to deliver", || {
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!(!log.contains(" == ") && !log.contains(" ** "), "{log}{:?}", self.output.all());
            (log.lines().filter(|line| line.contains(" => ")).count() >= count).then_some(())
        });
        let mails = fs::read_dir(self.directory.path().join("mail/new")).expect("the folder is there");
        let path = mails.map(|entry| entry.expect("the folder can be read").path());
        path.map(|path| fs::read_to_string(path).expect("a mail is text")).collect()
    }
}

fn give(folder: &Path, user: &str) {
    if let Some(user) = User::from_name(user).ok().flatten() {
        chown(folder, Some(user.uid), Some(user.gid)).expect("root can");
    }
}

impl Drop for Exim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
