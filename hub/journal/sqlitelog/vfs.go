package sqlitelog

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// vfs stands between SQLite and its own way to the files. It does three things SQLite cannot be asked for:
//
//   - It tells how long each fsync takes.
//   - It writes the WAL in one piece. SQLite writes each frame in two calls; here they are gathered and written when the commit
//     asks for the fsync. Nobody looks at those bytes earlier: with synchronous=FULL the fsync comes before the index names
//     the frames, and the writer's own early look (a spilled cache) is served after writing them.
//   - On Linux it calls fdatasync, where SQLite as built here calls fsync: a WAL that is being overwritten has no new length, and its time
//     of change is not worth a second write.
//
// An open file is SQLite's own structure with a handle of ours behind it; only its table of methods is replaced.
type vfs struct {
	name    string
	observe func(time.Duration)
	faults  *faults

	// dead refuses everything that changes a file. After a failed fsync the closing of the connections must not move a WAL into the
	// database that may no longer be what was written.
	dead atomic.Bool

	tls   *libc.TLS
	cname uintptr
	cvfs  uintptr
	open  atomic.Int32
}

// faults are what tests do to the files. Nil functions do nothing.
type faults struct {
	// sync is called before each fsync; skip lies (no fsync, success), an error fails it without trying.
	sync func(kind fileKind) (skip bool, err error)
	// write is called before each write that reaches a file; syscall.ENOSPC is a full disk, any other error an I/O error.
	write func(kind fileKind, at int64, b []byte) error
	// synced is called after a successful fsync.
	synced func(kind fileKind)
	// truncated is called after a file was cut.
	truncated func(kind fileKind, size int64)
	// free replaces the measurement of free space.
	free func() (int64, error)
	// calm keeps the keeper from moving the WAL, so that files can be copied one after the other while the journal is open.
	calm bool
}

// fileKind tells the files apart.
type fileKind uint8

const (
	kindOther fileKind = iota
	kindDatabase
	kindWAL
	kindWitness
)

// file is one file that SQLite has open through a vfs.
type file struct {
	v     *vfs
	kind  fileKind
	orig  *sqlite3.Tsqlite3_io_methods
	own   *os.File // a descriptor of ours of the WAL, on Linux
	named bool     // its name is durable
	buf   []byte   // gathered writes to the WAL
	at    int64    // where buf begins
}

// registry maps handles to what they stand for, because SQLite's memory cannot hold Go pointers.
var registry struct {
	sync.RWMutex
	last    uintptr
	vfs     map[uintptr]*vfs
	files   map[uintptr]*file
	methods map[methodsKey]uintptr
}

type methodsKey struct {
	orig uintptr
	wal  bool
}

// parent is SQLite's own VFS; tail is where our handle begins in an open file.
var parent = sync.OnceValues(func() (*sqlite3.Tsqlite3_vfs, uintptr) {
	tls := libc.NewTLS()
	defer tls.Close()
	p := ptr[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	return p, (uintptr(p.FszOsFile) + 15) &^ 15
})

// ptr makes an address in SQLite's memory, which Go's collector does not know, a pointer.
func ptr[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

func newVFS(observe func(time.Duration), f *faults) (*vfs, error) {
	v := &vfs{observe: observe, faults: f, tls: libc.NewTLS()}
	orig, tail := parent()

	registry.Lock()
	defer registry.Unlock()
	if registry.vfs == nil {
		registry.vfs, registry.files, registry.methods = map[uintptr]*vfs{}, map[uintptr]*file{}, map[methodsKey]uintptr{}
	}
	registry.last++
	h := registry.last
	v.name = fmt.Sprintf("kiem%d", h)
	var err error
	if v.cname, err = libc.CString(v.name); err != nil {
		return nil, err
	}
	v.cvfs = libc.Xmalloc(v.tls, types.Size_t(unsafe.Sizeof(*orig)))
	if v.cvfs == 0 {
		return nil, errors.New("out of memory")
	}
	c := ptr[sqlite3.Tsqlite3_vfs](v.cvfs)
	*c = *orig
	c.FpNext = 0
	c.FzName = v.cname
	c.FpAppData = h
	c.FszOsFile = int32(tail + unsafe.Sizeof(h))
	*(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&c.FxOpen)) = vfsOpen
	if rc := sqlite3.Xsqlite3_vfs_register(v.tls, v.cvfs, 0); rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("registering a VFS with SQLite: %d", rc)
	}
	registry.vfs[h] = v
	return v, nil
}

// close takes the vfs away. All connections must be closed.
func (v *vfs) close() error {
	if n := v.open.Load(); n != 0 {
		return fmt.Errorf("%d files are still open", n)
	}
	registry.Lock()
	defer registry.Unlock()
	c := ptr[sqlite3.Tsqlite3_vfs](v.cvfs)
	sqlite3.Xsqlite3_vfs_unregister(v.tls, v.cvfs)
	delete(registry.vfs, c.FpAppData)
	libc.Xfree(v.tls, v.cvfs)
	libc.Xfree(v.tls, v.cname)
	v.tls.Close()
	return nil
}

func vfsOpen(tls *libc.TLS, pVfs, zName, pFile uintptr, flags int32, pOutFlags uintptr) int32 {
	registry.RLock()
	v := registry.vfs[ptr[sqlite3.Tsqlite3_vfs](pVfs).FpAppData]
	registry.RUnlock()
	orig, tail := parent()
	open := *(*func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32)(unsafe.Pointer(&orig.FxOpen))
	rc := open(tls, uintptr(unsafe.Pointer(orig)), zName, pFile, flags, pOutFlags)
	base := ptr[sqlite3.Tsqlite3_file](pFile)
	if rc != sqlite3.SQLITE_OK || base.FpMethods == 0 {
		return rc
	}
	f := &file{v: v, orig: ptr[sqlite3.Tsqlite3_io_methods](base.FpMethods)}
	switch {
	case flags&sqlite3.SQLITE_OPEN_WAL != 0:
		f.kind = kindWAL
		if fdatasync != nil && flags&sqlite3.SQLITE_OPEN_READWRITE != 0 {
			// Closing this descriptor drops no lock: SQLite's locks are on the database and the -shm file.
			f.own, _ = os.OpenFile(libc.GoString(zName), os.O_RDWR, 0)
		}
	case flags&sqlite3.SQLITE_OPEN_MAIN_DB != 0:
		f.kind = kindDatabase
	}
	registry.Lock()
	registry.last++
	h := registry.last
	registry.files[h] = f
	base.FpMethods = methods(tls, base.FpMethods, f.own != nil)
	registry.Unlock()
	*ptr[uintptr](pFile + tail) = h
	v.open.Add(1)
	return sqlite3.SQLITE_OK
}

// methods gives the table of methods that replaces orig. There are a handful in the life of a process. The registry is locked.
func methods(tls *libc.TLS, orig uintptr, wal bool) uintptr {
	k := methodsKey{orig, wal}
	if m := registry.methods[k]; m != 0 {
		return m
	}
	var m sqlite3.Tsqlite3_io_methods
	p := libc.Xmalloc(tls, types.Size_t(unsafe.Sizeof(m)))
	if p == 0 {
		panic("out of memory")
	}
	t := ptr[sqlite3.Tsqlite3_io_methods](p)
	*t = *ptr[sqlite3.Tsqlite3_io_methods](orig)
	t.FiVersion = min(t.FiVersion, 2) // no memory-mapped reading past our buffer
	*(*func(*libc.TLS, uintptr) int32)(unsafe.Pointer(&t.FxClose)) = vfsClose
	*(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&t.FxSync)) = vfsSync
	*(*func(*libc.TLS, uintptr, uintptr, int32, int64) int32)(unsafe.Pointer(&t.FxWrite)) = vfsWrite
	*(*func(*libc.TLS, uintptr, int64) int32)(unsafe.Pointer(&t.FxTruncate)) = vfsTruncate
	if wal {
		*(*func(*libc.TLS, uintptr, uintptr, int32, int64) int32)(unsafe.Pointer(&t.FxRead)) = vfsRead
		*(*func(*libc.TLS, uintptr, uintptr) int32)(unsafe.Pointer(&t.FxFileSize)) = vfsFileSize
	}
	registry.methods[k] = p
	return p
}

func fileOf(pFile uintptr) *file {
	_, tail := parent()
	registry.RLock()
	defer registry.RUnlock()
	return registry.files[*ptr[uintptr](pFile + tail)]
}

func vfsClose(tls *libc.TLS, pFile uintptr) int32 {
	f := fileOf(pFile)
	rc := f.flush()
	if f.own != nil {
		f.own.Close()
	}
	_, tail := parent()
	registry.Lock()
	delete(registry.files, *ptr[uintptr](pFile + tail))
	registry.Unlock()
	f.v.open.Add(-1)
	closeFile := *(*func(*libc.TLS, uintptr) int32)(unsafe.Pointer(&f.orig.FxClose))
	if e := closeFile(tls, pFile); rc == sqlite3.SQLITE_OK {
		rc = e
	}
	return rc
}

func vfsSync(tls *libc.TLS, pFile uintptr, flags int32) int32 {
	f := fileOf(pFile)
	if f.v.dead.Load() {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	if rc := f.flush(); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if t := f.v.faults; t != nil && t.sync != nil {
		skip, err := t.sync(f.kind)
		if err != nil {
			return sqlite3.SQLITE_IOERR_FSYNC
		}
		if skip {
			return sqlite3.SQLITE_OK
		}
	}
	start := time.Now()
	rc := int32(sqlite3.SQLITE_OK)
	if f.own != nil && f.named {
		if fdatasync(f.own) != nil {
			rc = sqlite3.SQLITE_IOERR_FSYNC
		}
	} else {
		// The first time SQLite's own way, which also syncs the directory of a new file.
		f.named = true
		sync := *(*func(*libc.TLS, uintptr, int32) int32)(unsafe.Pointer(&f.orig.FxSync))
		rc = sync(tls, pFile, flags)
	}
	if f.v.observe != nil {
		f.v.observe(time.Since(start))
	}
	if t := f.v.faults; t != nil && t.synced != nil && rc == sqlite3.SQLITE_OK {
		t.synced(f.kind)
	}
	return rc
}

func vfsWrite(tls *libc.TLS, pFile, zBuf uintptr, n int32, at int64) int32 {
	f := fileOf(pFile)
	if f.v.dead.Load() {
		return sqlite3.SQLITE_IOERR_WRITE
	}
	b := unsafe.Slice(ptr[byte](zBuf), n)
	if f.own == nil {
		if rc := f.tried(at, b); rc != sqlite3.SQLITE_OK {
			return rc
		}
		write := *(*func(*libc.TLS, uintptr, uintptr, int32, int64) int32)(unsafe.Pointer(&f.orig.FxWrite))
		return write(tls, pFile, zBuf, n, at)
	}
	if len(f.buf) > 0 && (at != f.at+int64(len(f.buf)) || len(f.buf) >= maxGathered) {
		if rc := f.flush(); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	if len(f.buf) == 0 {
		f.at = at
	}
	f.buf = append(f.buf, b...)
	return sqlite3.SQLITE_OK
}

func vfsRead(tls *libc.TLS, pFile, zBuf uintptr, n int32, at int64) int32 {
	f := fileOf(pFile)
	if len(f.buf) > 0 {
		if rc := f.flush(); rc != sqlite3.SQLITE_OK {
			return rc
		}
	}
	read := *(*func(*libc.TLS, uintptr, uintptr, int32, int64) int32)(unsafe.Pointer(&f.orig.FxRead))
	return read(tls, pFile, zBuf, n, at)
}

func vfsTruncate(tls *libc.TLS, pFile uintptr, size int64) int32 {
	f := fileOf(pFile)
	if f.v.dead.Load() {
		return sqlite3.SQLITE_IOERR_TRUNCATE
	}
	if rc := f.flush(); rc != sqlite3.SQLITE_OK {
		return rc
	}
	truncate := *(*func(*libc.TLS, uintptr, int64) int32)(unsafe.Pointer(&f.orig.FxTruncate))
	rc := truncate(tls, pFile, size)
	if t := f.v.faults; t != nil && t.truncated != nil && rc == sqlite3.SQLITE_OK {
		t.truncated(f.kind, size)
	}
	return rc
}

func vfsFileSize(tls *libc.TLS, pFile, pSize uintptr) int32 {
	f := fileOf(pFile)
	if rc := f.flush(); rc != sqlite3.SQLITE_OK {
		return rc
	}
	size := *(*func(*libc.TLS, uintptr, uintptr) int32)(unsafe.Pointer(&f.orig.FxFileSize))
	return size(tls, pFile, pSize)
}

// flush writes what was gathered. What could not be written is forgotten: SQLite rolls back.
func (f *file) flush() int32 {
	if len(f.buf) == 0 {
		return sqlite3.SQLITE_OK
	}
	b, at := f.buf, f.at
	if f.v.dead.Load() {
		f.buf = nil
		return sqlite3.SQLITE_IOERR_WRITE
	}
	if cap(b) > 2*maxGathered {
		f.buf = nil
	} else {
		f.buf = b[:0]
	}
	if rc := f.tried(at, b); rc != sqlite3.SQLITE_OK {
		return rc
	}
	if _, err := f.own.WriteAt(b, at); err != nil {
		return writeCode(err)
	}
	return sqlite3.SQLITE_OK
}

// tried asks the test, if there is one, what becomes of a write.
func (f *file) tried(at int64, b []byte) int32 {
	if t := f.v.faults; t != nil && t.write != nil {
		if err := t.write(f.kind, at, b); err != nil {
			return writeCode(err)
		}
	}
	return sqlite3.SQLITE_OK
}

// fullCode is what writeCode gives for a full disk.
const fullCode = sqlite3.SQLITE_FULL

// writeCode: a full disk and a used-up quota are the same to us, and not the disk's fault.
func writeCode(err error) int32 {
	if errors.Is(err, syscall.ENOSPC) || isQuota(err) {
		return sqlite3.SQLITE_FULL
	}
	return sqlite3.SQLITE_IOERR_WRITE
}
