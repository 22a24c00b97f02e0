// WASI preview 1 over files in memory: what the module asks of a system. Files are read, not written; there is a clock, no
// network, no environment. Numbers of errors and layouts are those of the standard (wasi_snapshot_preview1).

const OK = 0;
const BADF = 8;
const INVAL = 28;
const ISDIR = 31;
const NOENT = 44;
const NOSYS = 52;
const NOTDIR = 54;
const ROFS = 69;
const CHARACTER = 2;
const DIRECTORY = 3;
const REGULAR = 4;
const ALL_RIGHTS = 0xffff_ffff_ffff_ffffn;
/** The one folder that is open from the start, as the module knows it. */
const ROOT = 3;

/** What ends a module. */
export class Exit extends Error {}

/** The path without empty parts and dots; null of one that leads out of the root. */
function plain(path) {
  const parts = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) return null;
  }
  return parts.join('/');
}

/** A system of files in memory. */
export class Wasi {
  /** Bytes by path, without a slash before it. */
  files = new Map();
  /** What the module wrote to standard error. */
  complaints = '';
  #open = new Map([[ROOT, { path: '', directory: true }]]);
  #next = ROOT + 1;
  #memory;

  /** Tells whose memory the calls are about. */
  attach(memory) {
    this.#memory = memory;
  }

  get #view() {
    return new DataView(this.#memory.buffer);
  }

  #bytes(at, length) {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  #text(at, length) {
    return new TextDecoder().decode(this.#bytes(at, length).slice());
  }

  /** Names in a folder: of its files and of the folders within. */
  #names(folder) {
    const before = folder === '' ? '' : `${folder}/`;
    const names = new Map();
    for (const path of this.files.keys()) {
      if (!path.startsWith(before)) continue;
      const [name, ...rest] = path.slice(before.length).split('/');
      names.set(name, rest.length > 0 ? DIRECTORY : REGULAR);
    }
    return names;
  }

  #kind(path) {
    if (this.files.has(path)) return REGULAR;
    return path === '' || this.#names(path).size > 0 ? DIRECTORY : undefined;
  }

  #stat(at, path, kind) {
    const view = this.#view;
    this.#bytes(at, 64).fill(0);
    view.setUint8(at + 16, kind);
    view.setBigUint64(at + 24, 1n, true);
    view.setBigUint64(at + 32, BigInt(this.files.get(path)?.length ?? 0), true);
  }

  /** Where a path that is told with an open folder leads. */
  #resolve(fd, at, length) {
    const folder = this.#open.get(fd);
    if (!folder) return [BADF];
    const path = plain(`${folder.path}/${this.#text(at, length)}`);
    return path === null ? [NOENT] : [OK, path];
  }

  #read(fd, vectors, count, size, place) {
    const file = this.#open.get(fd);
    if (!file) return fd < ROOT ? this.#put(size, 0) : BADF;
    if (file.directory) return ISDIR;
    const bytes = this.files.get(file.path);
    let at = place ?? file.at;
    const start = at;
    for (let i = 0; i < count; i++) {
      const to = this.#view.getUint32(vectors + 8 * i, true);
      const room = this.#view.getUint32(vectors + 8 * i + 4, true);
      const part = bytes.subarray(at, at + room);
      this.#bytes(to, part.length).set(part);
      at += part.length;
      if (part.length < room) break;
    }
    if (place === undefined) file.at = at;
    return this.#put(size, at - start);
  }

  #put(at, value) {
    this.#view.setUint32(at, value, true);
    return OK;
  }

  /** The functions that the module imports. Those that it has no use for here say that there is no such function. */
  imports() {
    const none = () => NOSYS;
    const readOnly = () => ROFS;
    const known = {
      args_get: () => OK,
      args_sizes_get: (count, size) => this.#put(count, 0) || this.#put(size, 0),
      environ_get: () => OK,
      environ_sizes_get: (count, size) => this.#put(count, 0) || this.#put(size, 0),
      clock_time_get: (clock, _precision, at) => {
        const milliseconds = clock === 0 ? Date.now() : performance.now();
        this.#view.setBigUint64(at, BigInt(Math.round(milliseconds * 1e6)), true);
        return OK;
      },
      clock_res_get: (_clock, at) => {
        this.#view.setBigUint64(at, 1000n, true);
        return OK;
      },
      random_get: (at, length) => {
        // In parts, as browsers give no more at once.
        for (let i = 0; i < length; i += 65_536) {
          const part = new Uint8Array(Math.min(65_536, length - i));
          this.#bytes(at + i, part.length).set(crypto.getRandomValues(part));
        }
        return OK;
      },
      sched_yield: () => OK,
      proc_exit: (code) => {
        throw new Exit(`the module ended with code ${code}`);
      },
      fd_prestat_get: (fd, at) => {
        if (fd !== ROOT) return BADF;
        this.#view.setUint8(at, 0);
        return this.#put(at + 4, 1);
      },
      fd_prestat_dir_name: (fd, at, length) => {
        if (fd !== ROOT || length < 1) return BADF;
        this.#bytes(at, 1)[0] = '/'.charCodeAt(0);
        return OK;
      },
      fd_fdstat_get: (fd, at) => {
        const file = this.#open.get(fd);
        if (!file && fd >= ROOT) return BADF;
        this.#bytes(at, 24).fill(0);
        this.#view.setUint8(at, file ? (file.directory ? DIRECTORY : REGULAR) : CHARACTER);
        this.#view.setBigUint64(at + 8, ALL_RIGHTS, true);
        this.#view.setBigUint64(at + 16, ALL_RIGHTS, true);
        return OK;
      },
      fd_fdstat_set_flags: () => OK,
      fd_filestat_get: (fd, at) => {
        const file = this.#open.get(fd);
        if (!file) return BADF;
        this.#stat(at, file.path, file.directory ? DIRECTORY : REGULAR);
        return OK;
      },
      fd_close: (fd) => (fd !== ROOT && this.#open.delete(fd) ? OK : BADF),
      fd_read: (fd, vectors, count, size) => this.#read(fd, vectors, count, size),
      fd_pread: (fd, vectors, count, place, size) => this.#read(fd, vectors, count, size, Number(place)),
      fd_seek: (fd, by, whence, at) => {
        const file = this.#open.get(fd);
        if (!file || file.directory) return BADF;
        const from = [0, file.at, this.files.get(file.path).length][whence];
        const place = (from ?? NaN) + Number(by);
        if (!(place >= 0)) return INVAL;
        file.at = place;
        this.#view.setBigUint64(at, BigInt(place), true);
        return OK;
      },
      fd_tell: (fd, at) => {
        const file = this.#open.get(fd);
        if (!file || file.directory) return BADF;
        this.#view.setBigUint64(at, BigInt(file.at), true);
        return OK;
      },
      fd_write: (fd, vectors, count, size) => {
        if (fd >= ROOT) return ROFS;
        let written = 0;
        for (let i = 0; i < count; i++) {
          const from = this.#view.getUint32(vectors + 8 * i, true);
          const length = this.#view.getUint32(vectors + 8 * i + 4, true);
          this.complaints += this.#text(from, length);
          written += length;
        }
        return this.#put(size, written);
      },
      fd_readdir: (fd, at, room, cookie, size) => {
        const folder = this.#open.get(fd);
        if (!folder?.directory) return folder ? NOTDIR : BADF;
        const names = [...this.#names(folder.path)];
        let used = 0;
        for (let i = Number(cookie); i < names.length && used < room; i++) {
          const name = new TextEncoder().encode(names[i][0]);
          const entry = new Uint8Array(24 + name.length);
          const view = new DataView(entry.buffer);
          view.setBigUint64(0, BigInt(i + 1), true);
          view.setBigUint64(8, BigInt(i + 1), true);
          view.setUint32(16, name.length, true);
          view.setUint8(20, names[i][1]);
          entry.set(name, 24);
          // The last may be cut: the module then asks again from it.
          const part = entry.subarray(0, room - used);
          this.#bytes(at + used, part.length).set(part);
          used += part.length;
        }
        return this.#put(size, used);
      },
      path_filestat_get: (fd, _flags, at, length, to) => {
        const [error, path] = this.#resolve(fd, at, length);
        if (error) return error;
        const kind = this.#kind(path);
        if (kind === undefined) return NOENT;
        this.#stat(to, path, kind);
        return OK;
      },
      path_open: (fd, _look, at, length, _flags, _rights, _inheriting, _fdflags, to) => {
        const [error, path] = this.#resolve(fd, at, length);
        if (error) return error;
        const kind = this.#kind(path);
        if (kind === undefined) return NOENT;
        const opened = this.#next++;
        this.#open.set(opened, { path, at: 0, directory: kind === DIRECTORY });
        return this.#put(to, opened);
      },
      path_create_directory: readOnly,
      path_rename: readOnly,
      path_unlink_file: readOnly,
      path_remove_directory: readOnly,
    };
    return new Proxy(known, { get: (of, name) => of[name] ?? none, has: () => true });
  }
}
