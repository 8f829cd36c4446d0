/* dialect_dashboard.h -- the dialect of D3 dashboards: check-ins of one event session, nothing to send */
#ifndef WS_DIALECT_DASHBOARD_H
#define WS_DIALECT_DASHBOARD_H

#include "ws/dialect.h"

extern const struct dialect dialect_dashboard;

#endif
