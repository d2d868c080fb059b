// What a sandbox may not ask of the kernel, by system call: [number on x64, number on arm64], null where there is none.

type Numbers = readonly [x64: number | null, arm64: number | null];

/** Other processes' memory and descriptors. */
const OTHERS = {
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  process_madvise: [440, 440],
} satisfies Record<string, Numbers>;

/** Large interfaces that Node does without, where the kernel's faults were found. */
const ATTACK_SURFACE = {
  io_setup: [206, 0],
  splice: [275, 76],
  tee: [276, 77],
  vmsplice: [278, 75],
  perf_event_open: [298, 241],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
} satisfies Record<string, Numbers>;

/** Memory and names that no bound of a sandbox counts. */
const UNCOUNTED = {
  shmget: [29, 194],
  semget: [64, 190],
  msgget: [68, 186],
  mq_open: [240, 180],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  memfd_create: [319, 279],
  memfd_secret: [447, 447],
} satisfies Record<string, Numbers>;

/** Other views of the file system, and new namespaces. */
const VIEWS = {
  pivot_root: [155, 41],
  chroot: [161, 51],
  mount: [165, 40],
  umount2: [166, 39],
  swapon: [167, 224],
  swapoff: [168, 225],
  quotactl: [179, 60],
  lookup_dcookie: [212, 18],
  unshare: [272, 97],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  setns: [308, 268],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  quotactl_fd: [443, 443],
} satisfies Record<string, Numbers>;

/** The machine itself. */
const MACHINE = {
  syslog: [103, 116],
  uselib: [134, null],
  personality: [135, 92],
  ustat: [136, null],
  sysfs: [139, null],
  vhangup: [153, 58],
  modify_ldt: [154, null],
  _sysctl: [156, null],
  adjtimex: [159, 171],
  acct: [163, 89],
  settimeofday: [164, 170],
  reboot: [169, 142],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  iopl: [172, null],
  ioperm: [173, null],
  init_module: [175, 105],
  delete_module: [176, 106],
  nfsservctl: [180, 42],
  clock_settime: [227, 112],
  kexec_load: [246, 104],
  clock_adjtime: [305, 266],
  finit_module: [313, 273],
  kexec_file_load: [320, 294],
} satisfies Record<string, Numbers>;

/** A better place in the line for the processor, the disk or memory. */
const PLACE_IN_LINE = {
  setpriority: [141, 140],
  sched_setparam: [142, 118],
  sched_setscheduler: [144, 119],
  sched_setaffinity: [203, 122],
  mbind: [237, 235],
  set_mempolicy: [238, 237],
  ioprio_set: [251, 30],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  sched_setattr: [314, 274],
  set_mempolicy_home_node: [450, 450],
} satisfies Record<string, Numbers>;

export const REFUSED: Readonly<Record<string, Numbers>> = {
  ...OTHERS,
  ...ATTACK_SURFACE,
  ...UNCOUNTED,
  ...VIEWS,
  ...MACHINE,
  ...PLACE_IN_LINE,
};

/** Make a process, always. */
export const FORKS = { fork: [57, null], vfork: [58, null] } satisfies Record<string, Numbers>;

/** Allowed or not by their arguments. */
export const JUDGED = {
  ioctl: [16, 29],
  socket: [41, 198],
  socketpair: [53, 199],
  clone: [56, 220],
  clone3: [435, 435],
} satisfies Record<string, Numbers>;

/** Of Linux 6.5. What came after it does not exist for a sandbox, and libraries do without. */
export const NEWEST_KNOWN = 451;
