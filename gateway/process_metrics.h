/* SPDX-License-Identifier: MIT */
/* What the kernel knows about this process, as metrics. */
#ifndef GW_PROCESS_METRICS_H
#define GW_PROCESS_METRICS_H

/* Memory, open descriptors, age. Reads /proc; what cannot be read is left out. */
void gw_process_metrics_collect(void);

#endif
