// Sends a file in pieces (tus 1.0.0) that survive any cut; recordings and pictures share it.
"use strict";
class Sender {
  static PIECE = 512 * 1024;

  // `key` is where an unfinished upload is remembered; `on` is told progress(done, all), paused(),
  // cut(), refused(text) and done(url, sha256).
  constructor(key, on) {
    this.key = key;
    this.on = on;
    this.run = 0;
    this.current = null;
    this.isPaused = false;
  }

  static async ask(method, url, headers, body) {
    const answer = await fetch(url, { method, headers: { "Tus-Resumable": "1.0.0", ...headers }, body });
    if (answer.ok) return answer;
    const fault = new Error("refused");
    fault.status = answer.status;
    if ((answer.headers.get("Content-Type") || "").includes("json")) {
      const told = await answer.json();
      fault.text = `${told.text} ${told.remedy}`;
    }
    throw fault;
  }

  // What is taken out leaves the hub, too; an author may have only a few on their way.
  static drop(url) {
    return Sender.ask("DELETE", url, {}).catch(() => {});
  }

  left() {
    return JSON.parse(localStorage.getItem(this.key) || "null");
  }

  pause() {
    this.isPaused = true;
  }

  // Sends a file, or goes on with the one that was left half sent.
  choose(file) {
    const left = this.left();
    const isSame = left && left.name === file.name && left.size === file.size;
    if (this.current && !(isSame && left.url === this.current)) Sender.drop(this.current);
    this.current = null;
    return this.send(file, isSame ? left.url : null);
  }

  forget() {
    this.run++;
    if (this.current) Sender.drop(this.current);
    this.current = null;
    localStorage.removeItem(this.key);
  }

  // Goes on until the whole file is at the hub; a lost link is asked again, ever more rarely.
  async send(file, known) {
    const mine = ++this.run;
    const { ask } = Sender;
    this.isPaused = false;
    let url = known;
    let tries = 0;
    while (mine === this.run) {
      try {
        if (!url) {
          const name = btoa(String.fromCharCode(...new TextEncoder().encode(file.name || "")));
          const began = await ask("POST", "/uploads", { "Upload-Length": file.size, "Upload-Metadata": `filename ${name}` });
          url = began.headers.get("Location");
          if (mine !== this.run) return Sender.drop(url);
          localStorage.setItem(this.key, JSON.stringify({ url, name: file.name, size: file.size }));
        }
        this.current = url;
        const here = await ask("HEAD", url, {});
        let offset = Number(here.headers.get("Upload-Offset"));
        while (offset < file.size && mine === this.run && !this.isPaused) {
          this.on.progress(offset, file.size);
          const headers = { "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" };
          const answer = await ask("PATCH", url, headers, file.slice(offset, offset + Sender.PIECE));
          offset = Number(answer.headers.get("Upload-Offset"));
          tries = 0;
        }
        if (mine !== this.run) return;
        if (this.isPaused) {
          this.on.paused(() => this.send(file, url));
          return;
        }
        const done = await ask("HEAD", url, {});
        localStorage.removeItem(this.key);
        await this.on.done(url, done.headers.get("X-Sha256"));
        return;
      } catch (fault) {
        if (mine !== this.run) return;
        if (fault.status === 400 && !fault.text) {
          // The hub no longer knows this upload: begin anew.
          url = null;
          localStorage.removeItem(this.key);
          continue;
        }
        if (fault.text && fault.status !== 409 && fault.status < 500) {
          localStorage.removeItem(this.key);
          this.on.refused(fault.text);
          return;
        }
        this.on.cut();
        await new Promise((done) => setTimeout(done, Math.min(1000 * 2 ** tries++, 30000)));
      }
    }
  }
}
