/* SPDX-License-Identifier: MIT */
/* GET /: the dashboard. */
#include "api/routes.h"

const struct api_route api_dashboard_routes[] = {
    {0},
};
