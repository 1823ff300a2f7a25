//! A terminal taken for a while: alternate screen, no cursor, keys as they are pressed. It is given back when this is dropped,
//! whatever ends the command but SIGKILL.

use std::io::{self, Write};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use tokio::sync::mpsc;

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Of a terminal that does not say.
const SIZE: (usize, usize) = (80, 24);

/// What was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Quit,
    Up,
    Down,
}

/// The terminal of standard output, and of standard input where that is one.
pub(super) struct Screen {
    before: Option<Termios>,
}

impl Screen {
    /// Takes it.
    pub(super) fn enter() -> io::Result<Self> {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            // Ctrl-C stays a signal; a stop would leave the terminal as it is now.
            quiet.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            quiet.special_codes[SpecialCodeIndex::VSUSP] = 0;
            tcsetattr(io::stdin(), OptionalActions::Now, &quiet)?;
        }
        let screen = Self { before };
        write(ENTER)?;
        Ok(screen)
    }

    /// Columns and rows.
    pub(super) fn size() -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => SIZE,
        }
    }

    /// Replaces what is shown.
    pub(super) fn show(lines: &[String]) -> io::Result<()> {
        let mut text = String::from("\x1b[H");
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                text += "\r\n";
            }
            text += line;
            text += "\x1b[K";
        }
        text += "\x1b[J";
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = write(LEAVE);
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The keys, read by a thread that ends with the process. Without a terminal to read from nothing comes.
pub(super) fn keys() -> mpsc::Receiver<Key> {
    let (sender, keys) = mpsc::channel(16);
    let read = move || {
        let mut before = [0_u8; 2];
        for byte in io::Read::bytes(io::stdin()) {
            let Ok(byte) = byte else { return };
            let key = match (before, byte) {
                ([0x1b, b'['], b'A') => Some(Key::Up),
                ([0x1b, b'['], b'B') => Some(Key::Down),
                (_, b'q' | b'Q') => Some(Key::Quit),
                (_, b'k') => Some(Key::Up),
                (_, b'j') => Some(Key::Down),
                _ => None,
            };
            before = [before[1], byte];
            if let Some(key) = key
                && sender.blocking_send(key).is_err()
            {
                return;
            }
        }
    };
    if std::io::IsTerminal::is_terminal(&io::stdin()) {
        // Without the thread there is Ctrl-C.
        let _ = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(read);
    }
    keys
}
